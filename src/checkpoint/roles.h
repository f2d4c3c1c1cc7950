// The tensors of a gpt-oss model as a table: one row a role, with its name in each layout and its shape in terms of the
// config.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/manifest.h"

namespace mxpath {

/// A size that the config gives.
enum class Extent : uint8_t {
  none,
  one,
  hidden,
  intermediate,
  gate_up,
  experts,
  vocab,
  heads,
  q_width,
  kv_width,
  qk_width,
  qkv_width
};
int64_t size_of(Extent extent, const ModelConfig& config);

struct RoleRow {
  Role role;
  std::string_view name;  // in reports
  bool per_layer = true;
  bool per_expert = false;
  Extent rows = Extent::hidden;
  Extent columns = Extent::one;  // one: a vector
  std::string_view hub;          // Hugging Face; {} is the layer. An expert matrix in MXFP4 adds _blocks and _scales
  std::string_view original;     // OpenAI; an expert matrix in MXFP4 adds .blocks and .scales
  Extent fused_rows =
      Extent::none;  // original: rows of the tensor that this one is a part of; none: it is the whole tensor
  std::array<Extent, 2> fused_before = {};  // original: what lies before it there

  /// The matrices that MXFP4 is for: everything else is stored plain in every layout.
  bool expert_matrix() const { return per_expert && columns != Extent::one; }
};

/// One row for each Role, in the order of the enum.
std::span<const RoleRow> role_rows();
const RoleRow& row_of(Role role);

/// The tensor's name in a file of that layout; without the suffix of MXFP4 parts.
std::string stored_name(const RoleRow& row, CheckpointLayout layout, int layer);
/// "_blocks" and "_scales", or ".blocks" and ".scales".
std::string_view blocks_suffix(CheckpointLayout layout);
std::string_view scales_suffix(CheckpointLayout layout);

/// A role in one layer (-1: the roles outside the layers).
struct RoleInLayer {
  const RoleRow* row;
  int layer;
};
/// Every tensor that a model of this config has, in the order of the forward pass.
std::vector<RoleInLayer> roles_of(const ModelConfig& config);

/// A record with everything that follows from role, layer, layout and config; the encoding is BF16 and no bytes are
/// set.
TensorRecord blank_record(const RoleInLayer& place, CheckpointLayout layout, const ModelConfig& config);

}  // namespace mxpath
