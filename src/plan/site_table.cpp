#include "plan/site_table.h"

#include <algorithm>
#include <array>
#include <bit>

namespace mxpath {
namespace {

constexpr PartSet in_attention = {Part::attention}, in_experts = {Part::experts}, at_head = {Part::head};

constexpr Role embedding[] = {Role::embedding}, qkv[] = {Role::q_weight, Role::k_weight, Role::v_weight},
               output[] = {Role::o_weight}, router[] = {Role::router_weight}, gate_up[] = {Role::gate_up_weight},
               down[] = {Role::down_weight}, head[] = {Role::head};

constexpr SiteId parts_of_attention[] = {SiteId::norm,           SiteId::qkv,
                                         SiteId::rope,           SiteId::attention_sliding,
                                         SiteId::attention_full, SiteId::attention_output},
                 parts_of_experts[] = {SiteId::norm, SiteId::router, SiteId::gate_up, SiteId::swiglu, SiteId::down};

constexpr std::array rows = {
    SiteRow{.id = SiteId::embed,
            .name = "embed",
            .op = Op::embed,
            .parts = {Part::embedding},
            .n = Extent::vocab,
            .k = Extent::hidden,
            .weights = embedding},
    SiteRow{.id = SiteId::norm,
            .name = "norm",
            .op = Op::norm,
            .parts = {Part::attention, Part::experts, Part::head},
            .n = Extent::hidden},
    SiteRow{.id = SiteId::qkv,
            .name = "attention.qkv",
            .op = Op::linear,
            .parts = in_attention,
            .n = Extent::qkv_width,
            .k = Extent::hidden,
            .weights = qkv,
            .held_by = HeldBy::dense_weights},
    SiteRow{.id = SiteId::rope,
            .name = "rope",
            .op = Op::rope,
            .parts = in_attention,
            .n = Extent::qk_width,
            .has_heads = true},
    SiteRow{.id = SiteId::attention_sliding,
            .name = "attention.sliding",
            .op = Op::attention,
            .parts = in_attention,
            .n = Extent::q_width,
            .layers = LayerKind::sliding,
            .has_heads = true},
    SiteRow{.id = SiteId::attention_full,
            .name = "attention.full",
            .op = Op::attention,
            .parts = in_attention,
            .n = Extent::q_width,
            .layers = LayerKind::full,
            .has_heads = true},
    SiteRow{.id = SiteId::attention_output,
            .name = "attention.output",
            .op = Op::linear,
            .parts = in_attention,
            .n = Extent::hidden,
            .k = Extent::q_width,
            .weights = output,
            .held_by = HeldBy::dense_weights},
    SiteRow{.id = SiteId::router,
            .name = "router",
            .op = Op::router,
            .parts = in_experts,
            .n = Extent::experts,
            .k = Extent::hidden,
            .weights = router},
    SiteRow{.id = SiteId::gate_up,
            .name = "moe.gate_up",
            .op = Op::moe_gate_up,
            .parts = in_experts,
            .n = Extent::gate_up,
            .k = Extent::hidden,
            .weights = gate_up,
            .held_by = HeldBy::weights,
            .per_expert = true},
    SiteRow{.id = SiteId::swiglu,
            .name = "swiglu",
            .op = Op::swiglu,
            .parts = in_experts,
            .n = Extent::intermediate,
            .per_expert = true},
    SiteRow{.id = SiteId::down,
            .name = "moe.down",
            .op = Op::moe_down,
            .parts = in_experts,
            .n = Extent::hidden,
            .k = Extent::intermediate,
            .weights = down,
            .held_by = HeldBy::weights,
            .per_expert = true},
    SiteRow{.id = SiteId::head,
            .name = "head",
            .op = Op::linear,
            .parts = at_head,
            .n = Extent::vocab,
            .k = Extent::hidden,
            .weights = head,
            .held_by = HeldBy::dense_weights,
            .once_a_prompt = true},
    SiteRow{.id = SiteId::sample,
            .name = "sample",
            .op = Op::sample,
            .parts = at_head,
            .n = Extent::vocab,
            .once_a_prompt = true},
    SiteRow{.id = SiteId::attention_block,
            .name = "attention_block",
            .op = Op::attention_block,
            .parts = in_attention,
            .n = Extent::hidden,
            .k = Extent::hidden,
            .made_of = parts_of_attention},
    SiteRow{.id = SiteId::experts_block,
            .name = "experts_block",
            .op = Op::experts_block,
            .parts = in_experts,
            .n = Extent::hidden,
            .k = Extent::hidden,
            .per_expert = true,
            .made_of = parts_of_experts},
};

constexpr bool in_enum_order() {
  for (size_t i = 0; i < rows.size(); ++i)
    if (static_cast<size_t>(rows[i].id) != i) return false;
  return rows.size() == static_cast<size_t>(site_count);
}
static_assert(in_enum_order());

/// Holds so that a matrix lies on one device.
constexpr bool every_matrix_has_one_part() {
  for (const SiteRow& row : rows)
    if (!row.weights.empty() && row.parts.count() != 1) return false;
  return true;
}
static_assert(every_matrix_has_one_part());

constexpr size_t first_composite = [] {
  size_t first = 0;
  while (first < rows.size() && rows[first].made_of.empty()) ++first;
  return first;
}();

}  // namespace

std::span<const SiteRow> site_rows() { return rows; }
std::span<const SiteRow> composite_site_rows() { return site_rows().subspan(first_composite); }
const SiteRow& row_of(SiteId id) { return rows[static_cast<size_t>(id)]; }

Part only_part(const SiteRow& row) { return static_cast<Part>(std::countr_zero(row.parts.bits)); }

std::vector<Role> tensors_of(const SiteRow& row, const ModelConfig& config) {
  std::vector<Role> roles(row.weights.begin(), row.weights.end());
  if (config.tied_embeddings) std::ranges::replace(roles, Role::head, Role::embedding);
  return roles;
}

}  // namespace mxpath
