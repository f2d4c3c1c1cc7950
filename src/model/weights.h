// The weights of a gpt-oss model as the plan's paths read them.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/progress.h"
#include "checkpoint/manifest.h"
#include "layout/packed_matrix.h"
#include "plan/plan.h"

namespace mxpath {

/// A matrix and the memory it lies in; the memory is empty when the matrix is read in place from the file.
struct OwnedMatrix {
  PackedMatrix matrix;
  Buffer memory;
};

/// H hidden, I intermediate, E experts, nh/nkv heads of head_dim.
struct LayerWeights {
  bool sliding = false;
  std::vector<float> attention_norm;   // [H]
  OwnedMatrix qkv;                     // [(nh + 2 nkv) * head_dim, H]: q rows, then k, then v
  std::vector<float> qkv_bias;         // [(nh + 2 nkv) * head_dim]
  std::vector<float> sinks;            // [nh]
  OwnedMatrix output;                  // [H, nh * head_dim]
  std::vector<float> output_bias;      // [H]
  std::vector<float> mlp_norm;         // [H]
  OwnedMatrix router;                  // [E, H]
  std::vector<float> router_bias;      // [E]
  OwnedMatrix gate_up;                 // [E, 2I, H], row 2j gate, 2j + 1 up
  std::vector<float> gate_up_bias;     // [E, 2I]
  OwnedMatrix down;                    // [E, H, I]
  std::vector<float> down_bias;        // [E, H]
};

struct Weights {
  OwnedMatrix embedding;               // [V, H]
  std::vector<LayerWeights> layers;
  std::vector<float> final_norm;       // [H]
  OwnedMatrix head;                    // [V, H]
};

/// Packs every matrix into the layout that the plan chose; matrices that `weights` already holds in that layout stay as they are, so
/// that planning again after a failure packs only what changed. Errors: a NaN or infinity among the weights, a scale byte 255, not
/// enough memory; each with the tensor.
Status pack_weights(Weights& weights, const Plan& plan, const Checkpoint& checkpoint, ThreadPool& threads, const Progress& progress);

/// Compares a few rows of every packed matrix, decoded, with the checkpoint's own values. Returns the first difference of each site as a
/// sentence, by site name; empty when all agree. `seed` chooses the rows.
std::map<std::string, std::string, std::less<>> check_packing(const Weights& weights, const Checkpoint& checkpoint, uint64_t seed);

}  // namespace mxpath
