// Why a path cannot be used: data, and all of it.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/check_table.h"
#include "plan/path.h"
#include "plan/policy.h"

namespace mxpath {

struct SitePlan;

/// One reason: what the path needs, and what there is instead. Both are data; to_string makes the sentence.
struct Refusal {
  Check check;
  std::string wants, have;
  bool operator==(const Refusal&) const = default;
};

/// What went wrong with a path on this machine although planning allowed it. Planning again with it is how mxpath falls
/// back.
struct Failure {
  Check check = Check::self_check;  ///< self_check, no_image or device_failed
  std::string finding;              ///< "differs at (3, 17): 1.5, portable 1.25"
};
/// Whom a failure belongs to: a row on a device, since what fails on one GPU may work on the next; without a path the
/// device itself, all of whose rows it refuses.
struct Suspect {
  std::string path;
  DeviceId device = {};
  auto operator<=>(const Suspect&) const = default;
};
/// "norm.cpu.portable.f32", "norm.cuda.portable.f32 on cuda:1", "cuda:1".
std::string to_string(const Suspect& suspect);
using Failures = std::map<Suspect, Failure>;
/// "it failed in the self-check of norm.cuda.portable.f32: …": what is found out about a device.
std::string device_finding(const KernelPath& path, std::string_view why);

/// Everything that decide() looks at besides the path itself.
struct Question {
  const Site& site;
  Layout layout;  ///< the layout of the site's weights; none for ops without weights
  Range tokens;   ///< all of these must be legal, and so must be …
  const Catalogue& catalogue;
  const Machine& machine;
  const Policy& policy;
  const Failures& failures;
  Range per_sequence = {};                      ///< … so many of each sequence
  std::span<const SitePlan* const> parts = {};  ///< of a composite site: its parts as they are planned
};

/// Where a row would run that is asked about for the site: on the site's own device if it is of that kind, else on the
/// CPU or on the first GPU that the policy names.
DeviceId device_of(const KernelPath& path, const Question& question);

/// All reasons against a path, the most fundamental first; empty: it may run.
std::vector<Refusal> refusals(const KernelPath& path, const Question& question);

/// "needs k % 128 == 0; here k = 2880, remainder 64": the sentence of the check, about the path.
std::string to_string(const Refusal& refusal);

}  // namespace mxpath
