// The operations of a gpt-oss forward as sites, in the order in which a token meets them.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

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

/// How every tensor is stored, by layer and role: one pass over the manifest, which has some twenty tensors for each layer.
class StoredFormats {
 public:
  explicit StoredFormats(const Manifest& manifest) : formats_(static_cast<size_t>(manifest.config.layers + 1) * roles) {
    for (const TensorRecord& record : manifest.tensors) at(record.role, record.layer) = stored_format(record.encoding);
  }
  /// Of the matrix of a layer; where it is made of several tensors, a mixture counts as FP32, which holds all of it.
  NumberFormat of(std::initializer_list<Role> parts, int layer) {
    std::optional<NumberFormat> all;
    for (const Role role : parts)
      if (const auto stored = at(role, layer)) all = !all || *all == *stored ? *stored : NumberFormat::fp32;
    return all.value_or(NumberFormat::bf16);
  }

 private:
  static constexpr size_t roles = 32;
  std::optional<NumberFormat>& at(Role role, int layer) {
    return formats_[static_cast<size_t>(layer + 1) * roles + static_cast<size_t>(role)];
  }
  std::vector<std::optional<NumberFormat>> formats_;
};
static_assert(static_cast<int>(Role::down_bias) < 32);

/// The sites of a forward, as they are listed.
class Sites {
 public:
  Sites(const Manifest& manifest, DeviceId device) : formats_(manifest), device_(device) {}

  /// A site without weights.
  void add(Site site, LayerSet layers) {
    site.device = device_, site.layers = std::move(layers);
    site.count = site.op == Op::norm ? 2 * site.layers.count() - 1 : site.layers.count();  // two in a layer, and the last one
    sites_.push_back(std::move(site));
  }
  /// One site for each format in which some of the layers store these weights. wanted: what they are to be held as; empty: as stored.
  void add(const Site& site, const LayerSet& layers, std::initializer_list<Role> roles, std::optional<WeightFormat> wanted) {
    std::vector<std::pair<NumberFormat, LayerSet>> groups;
    for (const int layer : layers) {
      const NumberFormat stored = formats_.of(roles, layer);
      auto group = std::ranges::find(groups, stored, &std::pair<NumberFormat, LayerSet>::first);
      if (group == groups.end()) group = groups.insert(group, {stored, {}});
      group->second.add(layer);
    }
    for (auto& [stored, own] : groups) {
      Site part = site;
      part.has_weights = true, part.stored = stored, part.format = wanted.value_or(stored), part.stored_alike = groups.size() == 1;
      add(std::move(part), std::move(own));
    }
  }
  std::vector<Site> take() { return std::move(sites_); }

 private:
  StoredFormats formats_;
  const DeviceId device_;
  std::vector<Site> sites_;
};

/// How often a layer runs a site on a device.
int times_on(const Site& site, int layer, DeviceId device, const Placement& placement) {
  const bool outside = layer == LayerSet::outside, at_head = placement.head() == device;
  const bool attention = !outside && placement.attention(layer) == device, experts = !outside && placement.experts(layer) == device;
  switch (site.op) {
    case Op::embed: return placement.embedding() == device;
    case Op::norm: return outside ? at_head : attention + experts;
    case Op::linear: return outside ? at_head : attention;
    case Op::rope:
    case Op::attention: return attention;
    case Op::router:
    case Op::moe_gate_up:
    case Op::swiglu:
    case Op::moe_down: return experts;
    case Op::sample: return !device.is_gpu() || at_head;  // a GPU picks the largest; everything else comes back
  }
  return 0;
}

}  // namespace

std::vector<Site> sites_of(const Manifest& manifest, const Policy& policy, DeviceId device) {
  const ModelConfig& c = manifest.config;
  const int context = std::min(policy.context ? policy.context : default_context, c.max_positions);
  const LayerSet every = LayerSet::range(0, c.layers - 1), outside = LayerSet::range(LayerSet::outside, LayerSet::outside);
  LayerSet sliding, full;
  for (const int layer : every) (c.sliding[static_cast<size_t>(layer)] ? sliding : full).add(layer);
  Sites sites(manifest, device);
  const auto of_experts = [&](const char* name, Op op, int64_t n, int64_t k) {
    return Site{.name = name, .op = op, .n = n, .k = k, .experts = c.experts, .experts_per_token = c.experts_per_token};
  };
  const auto of_attention = [&](const char* name, int keys) {
    return Site{.name = name,
                .op = Op::attention,
                .n = c.q_width(),
                .keys = keys,
                .heads = c.heads,
                .kv_heads = c.kv_heads,
                .head_dim = c.head_dim};
  };

  sites.add({.name = "embed", .op = Op::embed, .n = c.vocab, .k = c.hidden}, outside, {Role::embedding}, {});
  sites.add({.name = "norm", .op = Op::norm, .n = c.hidden}, LayerSet::range(LayerSet::outside, c.layers - 1));
  sites.add({.name = "attention.qkv", .op = Op::linear, .n = c.q_width() + 2 * c.kv_width(), .k = c.hidden}, every,
            {Role::q_weight, Role::k_weight, Role::v_weight}, policy.dense_weights);
  sites.add(
      {.name = "rope", .op = Op::rope, .n = c.q_width() + c.kv_width(), .heads = c.heads, .kv_heads = c.kv_heads, .head_dim = c.head_dim},
      every);
  if (!sliding.empty()) sites.add(of_attention("attention.sliding", std::min(c.sliding_window, context)), sliding);
  if (!full.empty()) sites.add(of_attention("attention.full", std::max(context / 2, 1)), full);  // half the context on average
  sites.add({.name = "attention.output", .op = Op::linear, .n = c.hidden, .k = c.q_width()}, every, {Role::o_weight}, policy.dense_weights);
  sites.add({.name = "router", .op = Op::router, .n = c.experts, .k = c.hidden}, every, {Role::router_weight}, {});
  sites.add(of_experts("moe.gate_up", Op::moe_gate_up, 2 * c.intermediate, c.hidden), every, {Role::gate_up_weight}, policy.weights);
  sites.add(of_experts("swiglu", Op::swiglu, c.intermediate, 0), every);
  sites.add(of_experts("moe.down", Op::moe_down, c.hidden, c.intermediate), every, {Role::down_weight}, policy.weights);
  sites.add({.name = "head", .op = Op::linear, .n = c.vocab, .k = c.hidden}, outside, {c.tied_embeddings ? Role::embedding : Role::head},
            policy.dense_weights);
  sites.add({.name = "sample", .op = Op::sample, .n = c.vocab}, outside);
  return sites.take();
}

Site part_on(const Site& site, DeviceId device, const Placement& placement) {
  Site part = site;
  part.layers = {}, part.count = 0;
  for (const int layer : site.layers) {
    const int times = times_on(site, layer, device, placement);
    if (times > 0) part.layers.add(layer);
    part.count += times;
  }
  return part;
}

std::string title_of(const Site& site) {
  return site.stored_alike ? site.name : fmt::format("{} ({})", site.name, site.layers.to_string());
}

}  // namespace mxpath
