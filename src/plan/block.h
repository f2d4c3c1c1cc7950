// Composite sites: operations that are made of others and planned above their parts.
#pragma once
#include <span>
#include <vector>

#include "plan/plan.h"

namespace mxpath {

/// The parts of a composite site as they are planned, in the order in which they run.
using Parts = std::span<const SitePlan* const>;

/// Whether the row computes a part of this id itself; null: it calls the row that the plan has chosen for the part.
const FusedPart* fused_part(const KernelPath& row, SiteId part);

/// The work of the parts that the row computes itself.
Load fused_load(const KernelPath& row, Parts parts, const Call& call);

/// Seconds of one call of the regime: those of the chosen row of each part, and what the row computes itself under its
/// own roof. The row that computes nothing itself costs exactly the sum of its parts.
double block_seconds(const KernelPath& row, Parts parts, const Regime& regime, const Machine& machine, DeviceId device);

/// Whether a token gets the same bits in any step: whatever shares the call, each site runs rows that promise it and
/// that give the same as one another.
bool same_bits_in_any_batch(const Plan& plan);

/// Seconds that the chosen row of a composite site spares against the sum of its parts, in a call of regime r; 0 where
/// it computes nothing itself.
double saved_seconds(const SitePlan& block, Parts parts, size_t r);
/// The same for any call, on the row for `tokens` tokens.
double saved_seconds(const SitePlan& block, Parts parts, const Call& call, int tokens, const Machine& machine);

}  // namespace mxpath
