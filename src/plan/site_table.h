// The sites of a gpt-oss forward as a table: one row for each operation of the model, with its shape in terms of the
// config, the tensors that it reads and the part of the model that it lies in. Names are for printing; everything else
// asks for an id.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/enum_set.h"
#include "checkpoint/roles.h"
#include "plan/op.h"

namespace mxpath {

/// In the order in which a token meets them; then the composite ones, each of which stands for some of those before.
enum class SiteId : uint8_t {
  embed,
  norm,
  qkv,
  rope,
  attention_sliding,
  attention_full,
  attention_output,
  router,
  gate_up,
  swiglu,
  down,
  head,
  sample,
  attention_block,
  experts_block
};
inline constexpr int site_count = 15;

/// What a placement puts on a device as one: the embedding, a layer's attention, its experts, and the last norm with
/// the head.
enum class Part : uint8_t { embedding, attention, experts, head };
inline constexpr int part_count = 4;
using PartSet = EnumSet<Part>;

/// The layers that have a site; sliding and full: those with that kind of attention. Parts outside of the layers add
/// `outside`.
enum class LayerKind : uint8_t { every, sliding, full };

/// The choice of a user that says what weights are held as.
enum class HeldBy : uint8_t {
  nothing,        ///< as stored
  weights,        ///< --weights, which speaks of the experts
  dense_weights,  ///< --dense-weights
};

struct SiteRow {
  SiteId id;
  std::string_view name;  ///< in reports: "attention.qkv"
  Op op;
  PartSet parts;                       ///< it runs once in each of them
  Extent n, k = Extent::none;          ///< output and inner width of one token
  std::span<const Role> weights = {};  ///< the tensors of its matrix, stacked in this order; empty: it has none
  HeldBy held_by = HeldBy::nothing;
  LayerKind layers = LayerKind::every;
  bool per_expert = false;  ///< it runs for each expert that a token chose
  bool has_heads = false;
  bool once_a_prompt = false;  ///< of a prompt it sees the last position only
  /// Of a composite site: its parts in their order, of which a layer may lack some.
  std::span<const SiteId> made_of = {};
};

/// One row for each SiteId, in the order of the enum.
std::span<const SiteRow> site_rows();
/// Those of them that are made of others.
std::span<const SiteRow> composite_site_rows();
const SiteRow& row_of(SiteId id);
inline std::string_view name_of(SiteId id) { return row_of(id).name; }

/// The tensors of a site's matrix in a model of this config: those of the row, but for the head that is the embedding.
std::vector<Role> tensors_of(const SiteRow& row, const ModelConfig& config);

/// The part that a row with weights belongs to; a norm alone lies in several.
Part only_part(const SiteRow& row);

/// Whether a part lies in a layer; else it lies outside of them.
constexpr bool is_in_layer(Part part) { return part == Part::attention || part == Part::experts; }

}  // namespace mxpath
