// The weights of a gpt-oss model as the plan's paths read them.
#pragma once
#include <string>
#include <vector>

#include "base/progress.h"
#include "checkpoint/manifest.h"
#include "device/device.h"
#include "layout/packed_matrix.h"
#include "plan/plan.h"

namespace mxpath {

/// A matrix and the memory it lies in, which is empty when the matrix is read in place from the file.
struct OwnedMatrix {
  PackedMatrix matrix;
  Memory memory;
  uint64_t rounded = 0;  // values that the layout holds as another number than the checkpoint
};

/// A vector of FP32, with a copy on the GPU whose layer reads it.
struct OwnedVector {
  std::vector<float> values;
  Memory copy;
  const float* on(DeviceId device) const {
    return copy.size() > 0 && copy.where() == device ? copy.as<float>() : values.data();
  }
};

/// H hidden, I intermediate, E experts, nh/nkv heads of head_dim.
struct LayerWeights {
  bool sliding = false;
  OwnedVector attention_norm;  // [H]
  OwnedMatrix qkv;             // [(nh + 2 nkv) * head_dim, H]: q rows, then k, then v
  OwnedVector qkv_bias;        // [(nh + 2 nkv) * head_dim]
  OwnedVector sinks;           // [nh]
  OwnedMatrix output;          // [H, nh * head_dim]
  OwnedVector output_bias;     // [H]
  OwnedVector mlp_norm;        // [H]
  OwnedMatrix router;          // [E, H]
  OwnedVector router_bias;     // [E]
  OwnedMatrix gate_up;         // [E, 2I, H], row 2j gate, 2j + 1 up
  OwnedVector gate_up_bias;    // [E, 2I]
  OwnedMatrix down;            // [E, H, I]
  OwnedVector down_bias;       // [E, H]
};

struct Weights {
  OwnedMatrix embedding;  // [V, H]
  std::vector<LayerWeights> layers;
  OwnedVector final_norm;  // [H]
  OwnedMatrix head;        // [V, H]
};

/// Packs every matrix into the layout that the plan chose; matrices that `weights` already holds in that layout stay as
/// they are, so that planning again after a failure packs only what changed. What the plan puts on a GPU is packed here
/// and sent there. Errors: a NaN or infinity among the weights, a scale that makes one, not enough memory; each with
/// the tensor.
Status pack_weights(Weights& weights, const Plan& plan, const Checkpoint& checkpoint, ThreadPool& threads,
                    const Progress& progress);

/// How many values a conversion of the plan rounded on load.
uint64_t rounded_values(const Weights& weights, const Plan& plan, const Conversion& conversion);

/// A site whose packed matrix does not give the checkpoint's values back.
struct PackingDifference {
  const SitePlan* site;  // of the plan
  std::string finding;   // one sentence, the first difference
};
/// Compares a few rows of every packed matrix, decoded, with the checkpoint's own values, or, where the plan converts
/// them with loss, with what the scalar code of src/formats makes of them: exactly, in both cases. Rows of a GPU are
/// read back from it. One entry a site, empty when all agree. `seed` chooses the rows. Error: the GPU has failed.
Result<std::vector<PackingDifference>> check_packing(const Weights& weights, const Plan& plan,
                                                     const Checkpoint& checkpoint, uint64_t seed);

}  // namespace mxpath
