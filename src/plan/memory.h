// How many bytes a model takes, before a weight is read.
#pragma once
#include <cstdint>

#include "checkpoint/config.h"
#include "plan/plan.h"
#include "plan/workspace.h"

namespace mxpath {

/// Slots of the key/value cache of one layer: the context, or window + chunk for a sliding layer (a ring).
int64_t kv_capacity(const ModelConfig& config, bool sliding, int context, int chunk);
/// Bytes of the key/value cache of one sequence over the whole context in one layer, and in all layers whose attention
/// runs on a device; whole blocks, BF16.
uint64_t kv_layer_bytes(const ModelConfig& config, int layer, int context, int chunk);
uint64_t kv_cache_bytes(const ModelConfig& config, int context, int chunk, const Placement& placement, DeviceId device);
/// What the kernels on a GPU are told about the cache of each layer, and where its blocks lie: bytes of one sequence.
uint64_t kv_table_bytes(const ModelConfig& config, int context, int chunk);

/// Positions in a block of the key/value cache; memory is taken in whole blocks.
inline constexpr int kv_block = 64;
/// Of a KvView (kernels/attention/attention.h): two block tables and a capacity.
inline constexpr uint64_t kv_view_bytes = 24;

/// What a GPU gives beside a workspace, for its scratch: bytes, each a term of its own.
struct GpuTerms {
  uint64_t workspace = 0;  ///< whole pages
  uint64_t kv_tables = 0;  ///< whole pages
  uint64_t graph = 0;      ///< a recorded step, where one is recorded
  uint64_t page = 0;       ///< a part of a page that small blocks have for themselves
  uint64_t total() const { return workspace + kv_tables + graph + page; }
};
GpuTerms gpu_terms(const Workspace& workspace, const ModelConfig& config, const Plan& plan);

/// What the layers of an coverage would need of GPUs, and the room that each of `gpus` has for them. `sites`: of the
/// whole model, as one of these GPUs holds them; context and chunk are those of `plan`.
Loads loads_of(const Coverage& coverage, const std::vector<DeviceId>& gpus, const std::vector<SitePlan>& sites,
               const Plan& plan, const ModelConfig& config, const Machine& machine);

/// Sets the devices of a plan with sites and a placement. weights: packed matrices and vectors; an embedding on the CPU
/// counts as mapped when it is read in place.
void plan_memory(Plan& plan, const Manifest& manifest, const Machine& machine, const Policy& policy);

}  // namespace mxpath
