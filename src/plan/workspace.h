// What a device keeps for one forward, array by array. The memory plan adds it up and State carves it: one truth for
// both.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/config.h"
#include "plan/plan.h"

namespace mxpath {

/// Positions whose logits are computed at once where there is one sequence; with more of them one for each.
inline constexpr int least_logit_rows = 8;
int logit_rows_of(const Plan& plan);

/// The arrays of a forward. T tokens of a chunk, H hidden, I intermediate, k experts per token, E experts, V
/// vocabulary.
enum class WorkArray : uint8_t {
  stream,         ///< [T, H] float, the residual stream
  normed,         ///< [T, H] float
  qkv,            ///< [T, (heads + 2 kv_heads) * head_dim] float
  attended,       ///< [T, heads * head_dim] float
  router_logits,  ///< [T, E] float
  gate_up,        ///< [T * k, 2 I] float
  swiglu,         ///< [T * k, I] float
  expert_weight,  ///< [T * k] float
  expert,         ///< [T * k] int32
  order,          ///< [T * k] int32
  first,          ///< [E + 1] int32
  scratch,        ///< bytes: the most that a chosen row keeps (KernelPath::scratch)
  batch,          ///< [3, T] int32: the ids of the tokens, their positions and the slots of their sequences
  logits,         ///< [logit rows, V] float
  rows,           ///< [logit rows, H] float: what the head reads where that is not a part of `normed`
};

struct WorkPart {
  WorkArray array;
  size_t element = 1;  ///< bytes
  int64_t count = 0;
  size_t at = 0;  ///< bytes from the start of the workspace, a multiple of `workspace_line`
};

/// Every array begins so; no kernel wants more.
inline constexpr size_t workspace_line = 256;

struct Workspace {
  std::vector<WorkPart> parts;  ///< in the order in which they lie, each once
  uint64_t bytes = 0;           ///< of all, whole lines
  /// Null: the device does not need it.
  const WorkPart* find(WorkArray array) const;
};

/// What a device does in a forward, as far as its workspace depends on it.
struct Duties {
  bool carries_stream = false;  ///< holds the residual stream at some time
  bool has_layers = false;      ///< computes some of them, or the final norm and the head
  bool has_batch = false;       ///< is told the tokens
  bool has_logits = false;
};
Duties duties_of(const Placement& placement, DeviceId device);

/// The most of a forward.
struct MostOf {
  int tokens = 0, logit_rows = 0, sequences = 1;
};
MostOf most_of(const Plan& plan);
/// The most that a chosen row of the sites on `device` keeps in a call.
uint64_t kernel_scratch(std::span<const SitePlan> sites, DeviceId device, const MostOf& most, int threads);
Workspace make_workspace(const ModelConfig& config, const Duties& duties, uint64_t scratch, const MostOf& most);
/// Of a device of the plan, whose sites, placement, chunk and threads are set.
Workspace workspace_of(const ModelConfig& config, const Plan& plan, DeviceId device);

}  // namespace mxpath
