// What failed on this machine, learnt until a plan stands: the rule by which loading falls back, and a rehearsal of it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace mxpath {

/// Told of what happens, one sentence each.
using Notice = std::function<void(const std::string&)>;

/// Adds what was found out about a row on a device, or about a device, to the failures. Error: it is the portable row
/// of the CPU, below which there is nothing.
Status record_failure(Failures& failures, const Suspect& suspect, Failure failure, const Catalogue& catalogue,
                      const Notice& notice);

/// The weights of a site are not those of the checkpoint as packed: the rows that read them so are all suspects.
/// Several sites may share rows, so what counts is what was known before this round. Error: only the portable row reads
/// them so.
Status record_packing_failure(Failures& failures, const Failures& before, const SitePlan& site,
                              const std::string& finding, const Catalogue& catalogue, const Notice& notice);

/// make_plan, and again with what injected failures make of the chosen rows, until it stands, is too large or is
/// refused as not strict enough: the plan that loading would end with, as far as that is known without a computer to
/// load on. Errors: those of make_plan, and that of record_failure.
Result<Plan> simulate_fallback(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine,
                               const Policy& policy, Failures failures, const Notice& notice = {});

/// Tells of each injected failure that made no row fail.
void warn_unused_injections(const Policy& policy, const Catalogue& catalogue, const Failures& failures,
                            const Notice& notice);

}  // namespace mxpath
