#include "checkpoint/roles.h"

#include "base/text.h"

namespace mxpath {
namespace {

// clang-format off
constexpr std::array rows = {
    RoleRow{.role = Role::embedding, .name = "embedding", .per_layer = false, .rows = Extent::vocab, .columns = Extent::hidden,
            .hub = "model.embed_tokens.weight", .original = "embedding.weight"},
    RoleRow{.role = Role::final_norm, .name = "final_norm", .per_layer = false, .rows = Extent::hidden,
            .hub = "model.norm.weight", .original = "norm.scale"},
    RoleRow{.role = Role::head, .name = "head", .per_layer = false, .rows = Extent::vocab, .columns = Extent::hidden,
            .hub = "lm_head.weight", .original = "unembedding.weight"},
    RoleRow{.role = Role::attention_norm, .name = "attention_norm", .rows = Extent::hidden,
            .hub = "model.layers.{}.input_layernorm.weight", .original = "block.{}.attn.norm.scale"},
    RoleRow{.role = Role::q_weight, .name = "q_weight", .rows = Extent::q_width, .columns = Extent::hidden,
            .hub = "model.layers.{}.self_attn.q_proj.weight", .original = "block.{}.attn.qkv.weight", .fused_rows = Extent::qkv_width},
    RoleRow{.role = Role::q_bias, .name = "q_bias", .rows = Extent::q_width,
            .hub = "model.layers.{}.self_attn.q_proj.bias", .original = "block.{}.attn.qkv.bias", .fused_rows = Extent::qkv_width},
    RoleRow{.role = Role::k_weight, .name = "k_weight", .rows = Extent::kv_width, .columns = Extent::hidden,
            .hub = "model.layers.{}.self_attn.k_proj.weight", .original = "block.{}.attn.qkv.weight",
            .fused_rows = Extent::qkv_width, .fused_before = {Extent::q_width}},
    RoleRow{.role = Role::k_bias, .name = "k_bias", .rows = Extent::kv_width,
            .hub = "model.layers.{}.self_attn.k_proj.bias", .original = "block.{}.attn.qkv.bias",
            .fused_rows = Extent::qkv_width, .fused_before = {Extent::q_width}},
    RoleRow{.role = Role::v_weight, .name = "v_weight", .rows = Extent::kv_width, .columns = Extent::hidden,
            .hub = "model.layers.{}.self_attn.v_proj.weight", .original = "block.{}.attn.qkv.weight",
            .fused_rows = Extent::qkv_width, .fused_before = {Extent::q_width, Extent::kv_width}},
    RoleRow{.role = Role::v_bias, .name = "v_bias", .rows = Extent::kv_width,
            .hub = "model.layers.{}.self_attn.v_proj.bias", .original = "block.{}.attn.qkv.bias",
            .fused_rows = Extent::qkv_width, .fused_before = {Extent::q_width, Extent::kv_width}},
    RoleRow{.role = Role::o_weight, .name = "o_weight", .rows = Extent::hidden, .columns = Extent::q_width,
            .hub = "model.layers.{}.self_attn.o_proj.weight", .original = "block.{}.attn.out.weight"},
    RoleRow{.role = Role::o_bias, .name = "o_bias", .rows = Extent::hidden,
            .hub = "model.layers.{}.self_attn.o_proj.bias", .original = "block.{}.attn.out.bias"},
    RoleRow{.role = Role::sinks, .name = "sinks", .rows = Extent::heads,
            .hub = "model.layers.{}.self_attn.sinks", .original = "block.{}.attn.sinks"},
    RoleRow{.role = Role::mlp_norm, .name = "mlp_norm", .rows = Extent::hidden,
            .hub = "model.layers.{}.post_attention_layernorm.weight", .original = "block.{}.mlp.norm.scale"},
    RoleRow{.role = Role::router_weight, .name = "router_weight", .rows = Extent::experts, .columns = Extent::hidden,
            .hub = "model.layers.{}.mlp.router.weight", .original = "block.{}.mlp.gate.weight"},
    RoleRow{.role = Role::router_bias, .name = "router_bias", .rows = Extent::experts,
            .hub = "model.layers.{}.mlp.router.bias", .original = "block.{}.mlp.gate.bias"},
    RoleRow{.role = Role::gate_up_weight, .name = "gate_up_weight", .per_expert = true, .rows = Extent::gate_up, .columns = Extent::hidden,
            .hub = "model.layers.{}.mlp.experts.gate_up_proj", .original = "block.{}.mlp.mlp1_weight"},
    RoleRow{.role = Role::gate_up_bias, .name = "gate_up_bias", .per_expert = true, .rows = Extent::gate_up,
            .hub = "model.layers.{}.mlp.experts.gate_up_proj_bias", .original = "block.{}.mlp.mlp1_bias"},
    RoleRow{.role = Role::down_weight, .name = "down_weight", .per_expert = true, .rows = Extent::hidden, .columns = Extent::intermediate,
            .hub = "model.layers.{}.mlp.experts.down_proj", .original = "block.{}.mlp.mlp2_weight"},
    RoleRow{.role = Role::down_bias, .name = "down_bias", .per_expert = true, .rows = Extent::hidden,
            .hub = "model.layers.{}.mlp.experts.down_proj_bias", .original = "block.{}.mlp.mlp2_bias"},
};
// clang-format on

constexpr bool in_enum_order() {
  for (size_t i = 0; i < rows.size(); ++i)
    if (static_cast<size_t>(rows[i].role) != i) return false;
  return rows.size() == static_cast<size_t>(Role::down_bias) + 1;
}
static_assert(in_enum_order());

}  // namespace

int64_t size_of(Extent extent, const ModelConfig& c) {
  switch (extent) {
    case Extent::none: return 0;
    case Extent::one: return 1;
    case Extent::hidden: return c.hidden;
    case Extent::intermediate: return c.intermediate;
    case Extent::gate_up: return int64_t{2} * c.intermediate;
    case Extent::experts: return c.experts;
    case Extent::vocab: return c.vocab;
    case Extent::heads: return c.heads;
    case Extent::q_width: return c.q_width();
    case Extent::kv_width: return c.kv_width();
    case Extent::qk_width: return int64_t{c.q_width()} + c.kv_width();
    case Extent::qkv_width: return int64_t{c.q_width()} + 2 * int64_t{c.kv_width()};
  }
  return 0;
}

std::span<const RoleRow> role_rows() { return rows; }
const RoleRow& row_of(Role role) { return rows[static_cast<size_t>(role)]; }
std::string_view name_of(Role role) { return row_of(role).name; }

std::string_view name_of(Encoding encoding) {
  constexpr std::array<std::string_view, 4> names = {"BF16", "F16", "F32", "MXFP4"};
  return names[static_cast<size_t>(encoding)];
}

std::string_view name_of(CheckpointLayout layout) {
  constexpr std::array<std::string_view, 3> names = {"Hugging Face, MXFP4 experts", "Hugging Face, unquantised experts",
                                                     "OpenAI original"};
  return names[static_cast<size_t>(layout)];
}

std::string stored_name(const RoleRow& row, CheckpointLayout layout, int layer) {
  const std::string_view pattern = layout == CheckpointLayout::openai_original ? row.original : row.hub;
  return row.per_layer ? fmt::format(fmt::runtime(pattern), layer) : std::string(pattern);
}

std::string_view blocks_suffix(CheckpointLayout layout) {
  return layout == CheckpointLayout::openai_original ? ".blocks" : "_blocks";
}
std::string_view scales_suffix(CheckpointLayout layout) {
  return layout == CheckpointLayout::openai_original ? ".scales" : "_scales";
}

std::vector<RoleInLayer> roles_of(const ModelConfig& config) {
  std::vector<RoleInLayer> places = {{&row_of(Role::embedding), -1}};
  for (int layer = 0; layer < config.layers; ++layer)
    for (const auto& row : rows)
      if (row.per_layer) places.push_back({&row, layer});
  places.push_back({&row_of(Role::final_norm), -1});
  if (!config.tied_embeddings) places.push_back({&row_of(Role::head), -1});
  return places;
}

TensorRecord blank_record(const RoleInLayer& place, CheckpointLayout layout, const ModelConfig& config) {
  const RoleRow& row = *place.row;
  TensorRecord record{};
  record.role = row.role;
  record.layer = place.layer;
  record.name = stored_name(row, layout, place.layer);
  record.experts = row.per_expert ? config.experts : 1;
  record.rows = record.stored_rows = size_of(row.rows, config);
  record.columns = size_of(row.columns, config);
  if (layout == CheckpointLayout::openai_original && row.fused_rows != Extent::none) {
    record.stored_rows = size_of(row.fused_rows, config);
    for (const Extent before : row.fused_before) record.first_row += size_of(before, config);
  }
  return record;
}

}  // namespace mxpath
