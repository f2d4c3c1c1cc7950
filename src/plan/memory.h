// How many bytes a model takes, before a weight is read.
#pragma once
#include <cstdint>

#include "checkpoint/config.h"
#include "plan/kv_layout.h"
#include "plan/plan.h"
#include "plan/workspace.h"

namespace mxpath {

/// Bytes of the keys and values of one sequence over the whole context in a layer, as if its page were full; whole
/// pages.
uint64_t kv_layer_bytes(const ModelConfig& config, int layer, const Plan& plan);
/// The page tables of all sequences on a device, and of one more.
uint64_t kv_table_bytes(const KvLayout& layout, DeviceId device, const Plan& plan);

/// What a GPU gives beside a workspace, for its scratch: bytes, each a term of its own.
struct GpuTerms {
  uint64_t workspace = 0;  ///< whole pages
  uint64_t kv_tables = 0;  ///< whole pages
  uint64_t sampling = 0;   ///< what is told of each row of logits, with masks, and what comes back
  uint64_t graph = 0;      ///< recorded steps, where they are recorded
  uint64_t page = 0;       ///< a part of a page that small blocks have for themselves
  uint64_t total() const { return workspace + kv_tables + sampling + graph + page; }
};
GpuTerms gpu_terms(const Workspace& workspace, const ModelConfig& config, const KvLayout& kv, DeviceId device,
                   const Plan& plan);
/// The same of the sampling of up to logit_rows_of(plan) rows.
uint64_t sampling_bytes(const ModelConfig& config, const Plan& plan);

/// What the layers of an coverage would need of GPUs, and the room that each of `gpus` has for them. `sites`: of the
/// whole model, as one of these GPUs holds them; context and chunk are those of `plan`.
Loads loads_of(const Coverage& coverage, const std::vector<DeviceId>& gpus, const std::vector<SitePlan>& sites,
               const Plan& plan, const ModelConfig& config, const Machine& machine);

/// Sets the devices of a plan with sites and a placement. weights: packed matrices and vectors; an embedding on the CPU
/// counts as mapped when it is read in place.
void plan_memory(Plan& plan, const Manifest& manifest, const Machine& machine, const Policy& policy);

}  // namespace mxpath
