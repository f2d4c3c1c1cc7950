// How many bytes a model takes, before a weight is read.
#pragma once
#include <cstdint>

#include "checkpoint/config.h"
#include "plan/plan.h"

namespace mxpath {

/// Slots of the key/value cache of one layer: the context, or window + chunk for a sliding layer (a ring).
int64_t kv_capacity(const ModelConfig& config, bool sliding, int context, int chunk);
/// Bytes of the key/value cache of one sequence over the whole context; whole blocks of 64 positions, BF16.
uint64_t kv_cache_bytes(const ModelConfig& config, int context, int chunk);
/// Floats that one forward of up to `tokens` tokens keeps between its operations.
uint64_t activation_floats(const ModelConfig& config, int tokens);

/// weights: packed matrices and vectors; the embedding counts as mapped when it is read in place.
MemoryPlan plan_memory(const Manifest& manifest, const Plan& plan, const Machine& machine, const Policy& policy);

}  // namespace mxpath
