// The operations of a gpt-oss forward as sites, in the order in which a token meets them.
#include <algorithm>

#include "plan/plan.h"

namespace mxpath {
namespace {

NumberFormat stored_format(Encoding encoding) {
  switch (encoding) {
    case Encoding::bf16: return NumberFormat::bf16;
    case Encoding::f16: return NumberFormat::fp16;
    case Encoding::mxfp4_blocks: return NumberFormat::mxfp4;
    case Encoding::f32: break;
  }
  return NumberFormat::fp32;
}

/// Sets the formats of a site whose matrix is made of these tensors of the first layer; a mixture counts as FP32, which holds all of it.
void set_weights_of(Site& site, const Manifest& manifest, std::initializer_list<Role> roles, int layer) {
  site.has_weights = true;
  bool first = true;
  for (Role role : roles) {
    const TensorRecord* record = manifest.find(role, layer);
    if (!record) continue;
    const NumberFormat stored = stored_format(record->encoding);
    site.stored = first || stored == site.stored ? stored : NumberFormat::fp32;
    first = false;
  }
  site.format = site.stored;
}

}  // namespace

std::vector<Site> sites_of(const Manifest& manifest, const Policy& policy, Device device) {
  const ModelConfig& c = manifest.config;
  const int context = std::min(policy.context ? policy.context : default_context, c.max_positions);
  const int sliding = static_cast<int>(std::ranges::count(c.sliding, true));
  std::vector<Site> sites;
  const auto add = [&](Site site) -> Site& {
    site.device = device;
    sites.push_back(std::move(site));
    return sites.back();
  };
  const auto experts = [&](Site& site, Role role) {
    set_weights_of(site, manifest, {role}, 0);
    if (policy.weights) site.format = *policy.weights;
  };
  const auto of_experts = [&](const char* name, Op op, int64_t n, int64_t k) {
    return Site{.name = name, .op = op, .n = n, .k = k, .experts = c.experts, .experts_per_token = c.experts_per_token, .count = c.layers};
  };
  const auto dense = [&](Site& site, std::initializer_list<Role> roles, int layer) {
    set_weights_of(site, manifest, roles, layer);
    if (policy.dense_weights) site.format = *policy.dense_weights;
  };

  set_weights_of(add({.name = "embed", .op = Op::embed, .n = c.vocab, .k = c.hidden}), manifest, {Role::embedding}, -1);
  add({.name = "norm", .op = Op::norm, .n = c.hidden, .count = 2 * c.layers + 1});
  dense(add({.name = "attention.qkv", .op = Op::linear, .n = c.q_width() + 2 * c.kv_width(), .k = c.hidden, .count = c.layers}),
        {Role::q_weight, Role::k_weight, Role::v_weight}, 0);
  add({.name = "rope",
       .op = Op::rope,
       .n = c.q_width() + c.kv_width(),
       .count = c.layers,
       .heads = c.heads,
       .kv_heads = c.kv_heads,
       .head_dim = c.head_dim});
  const Site attention{
      .name = "attention", .op = Op::attention, .n = c.q_width(), .heads = c.heads, .kv_heads = c.kv_heads, .head_dim = c.head_dim};
  if (sliding > 0) {
    Site& site = add(attention);
    site.name = "attention.sliding", site.keys = std::min(c.sliding_window, context), site.count = sliding;
  }
  if (sliding < c.layers) {
    Site& site = add(attention);
    site.name = "attention.full", site.keys = std::max(context / 2, 1), site.count = c.layers - sliding;  // half the context on average
  }
  dense(add({.name = "attention.output", .op = Op::linear, .n = c.hidden, .k = c.q_width(), .count = c.layers}), {Role::o_weight}, 0);
  set_weights_of(add({.name = "router", .op = Op::router, .n = c.experts, .k = c.hidden, .count = c.layers}), manifest,
                 {Role::router_weight}, 0);
  experts(add(of_experts("moe.gate_up", Op::moe_gate_up, 2 * c.intermediate, c.hidden)), Role::gate_up_weight);
  add(of_experts("swiglu", Op::swiglu, c.intermediate, 0));
  experts(add(of_experts("moe.down", Op::moe_down, c.hidden, c.intermediate)), Role::down_weight);
  dense(add({.name = "head", .op = Op::linear, .n = c.vocab, .k = c.hidden}), {c.tied_embeddings ? Role::embedding : Role::head}, -1);
  add({.name = "sample", .op = Op::sample, .n = c.vocab});
  return sites;
}

int count_on(const Site& site, Device device, const Placement& placement, const ModelConfig& config) {
  int attention = 0, sliding = 0, experts = 0;
  for (int layer = 0; layer < config.layers; ++layer) {
    const bool here = placement.attention(layer) == device;
    attention += here, sliding += here && config.sliding[static_cast<size_t>(layer)];
    experts += placement.experts(layer) == device;
  }
  switch (site.op) {
    case Op::embed: return placement.embedding() == device;
    case Op::norm: return attention + experts + (placement.head() == device);
    case Op::rope: return attention;
    case Op::attention: return site.name == "attention.sliding" ? sliding : attention - sliding;
    case Op::linear: return site.name == "head" ? placement.head() == device : attention;
    case Op::router:
    case Op::moe_gate_up:
    case Op::swiglu:
    case Op::moe_down: return experts;
    case Op::sample: return device == Device::cpu || placement.head() == device;  // a GPU picks the largest; everything else comes back
  }
  return 0;
}

}  // namespace mxpath
