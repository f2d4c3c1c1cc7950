// The rows of the site table as the sites of a model: its layers, grouped by how they store their weights.
#include <algorithm>
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

/// How every tensor is stored, by layer and role: one pass over the manifest, which has some twenty tensors for each
/// layer.
class StoredFormats {
 public:
  explicit StoredFormats(const Manifest& manifest) : formats_(static_cast<size_t>(manifest.config.layers + 1) * roles) {
    for (const TensorRecord& record : manifest.tensors) at(record.role, record.layer) = stored_format(record.encoding);
  }
  /// The formats of the tensors of a layer's matrix, each once, in their order.
  std::vector<NumberFormat> of(const std::vector<Role>& tensors, int layer) {
    std::vector<NumberFormat> formats;
    for (const Role role : tensors)
      if (const auto stored = at(role, layer); stored && !std::ranges::count(formats, *stored))
        formats.push_back(*stored);
    if (formats.empty()) formats.push_back(NumberFormat::bf16);
    return formats;
  }

 private:
  static constexpr size_t roles = 32;
  std::optional<NumberFormat>& at(Role role, int layer) {
    return formats_[static_cast<size_t>(layer + 1) * roles + static_cast<size_t>(role)];
  }
  std::vector<std::optional<NumberFormat>> formats_;
};
static_assert(static_cast<int>(Role::down_bias) < 32);

/// A mixture counts as FP32, which holds all of it.
NumberFormat holding_all(const std::vector<NumberFormat>& formats) {
  return formats.size() == 1 ? formats.front() : NumberFormat::fp32;
}

/// What a user wants these weights to be held as; empty: as stored.
std::optional<WeightFormat> wanted_format(HeldBy choice, const Policy& policy) {
  switch (choice) {
    case HeldBy::weights: return policy.weights;
    case HeldBy::dense_weights: return policy.dense_weights;
    case HeldBy::nothing: break;
  }
  return {};
}

bool has_site(const SiteRow& row, const ModelConfig& config, int layer) {
  if (row.layers == LayerKind::every) return true;
  return config.sliding[static_cast<size_t>(layer)] == (row.layers == LayerKind::sliding);
}

/// How often a row runs in a layer, or outside of them.
int times_in(const SiteRow& row, int layer) {
  int times = 0;
  for (int p = 0; p < part_count; ++p)
    if (const Part part = static_cast<Part>(p); row.parts.has(part))
      times += is_in_layer(part) == (layer != LayerSet::outside);
  return times;
}

LayerSet layers_of(const SiteRow& row, const ModelConfig& config) {
  LayerSet layers;
  if (times_in(row, LayerSet::outside) > 0) layers.add(LayerSet::outside);
  for (int layer = 0; layer < config.layers; ++layer)
    if (times_in(row, layer) > 0 && has_site(row, config, layer)) layers.add(layer);
  return layers;
}

/// A query sees the window, or half the context on average.
int64_t keys_of(const SiteRow& row, const ModelConfig& config, int context) {
  if (row.op != Op::attention) return 0;
  return row.layers == LayerKind::sliding ? std::min(config.sliding_window, context) : std::max(context / 2, 1);
}

Site shaped(const SiteRow& row, const ModelConfig& c, int context) {
  Site site{.id = row.id, .n = size_of(row.n, c), .k = size_of(row.k, c), .keys = keys_of(row, c, context)};
  if (row.per_expert) {
    site.experts = c.experts;
    site.experts_per_token = c.experts_per_token;
  }
  if (row.has_heads) {
    site.heads = c.heads;
    site.kv_heads = c.kv_heads;
    site.head_dim = c.head_dim;
  }
  return site;
}

/// Layers that store a site's weights in one format, and the formats of the tensors they are made of.
struct Group {
  NumberFormat stored;
  std::vector<NumberFormat> tensors;
  LayerSet layers;
};

std::vector<Group> groups_of(const SiteRow& row, const LayerSet& layers, const ModelConfig& config,
                             StoredFormats& formats) {
  std::vector<Group> groups;
  const std::vector<Role> tensors = tensors_of(row, config);
  for (const int layer : layers) {
    const auto own = formats.of(tensors, layer);
    auto group = std::ranges::find(groups, holding_all(own), &Group::stored);
    if (group == groups.end()) group = groups.insert(group, {holding_all(own), {}, {}});
    for (const NumberFormat format : own)
      if (!std::ranges::count(group->tensors, format)) group->tensors.push_back(format);
    group->layers.add(layer);
  }
  return groups;
}

/// How often a layer runs a site on a device.
int times_on(const Site& site, int layer, DeviceId device, const Placement& placement) {
  if (site.id == SiteId::sample && !device.is_gpu()) return 1;  // a GPU picks the largest; everything else comes back
  int times = 0;
  for (int p = 0; p < part_count; ++p) {
    const Part part = static_cast<Part>(p);
    const bool here = site.row().parts.has(part) && is_in_layer(part) == (layer != LayerSet::outside);
    times += here && device_of(placement, part, layer) == device;
  }
  return times;
}

}  // namespace

std::vector<Site> sites_of(const Manifest& manifest, const Policy& policy, DeviceId device) {
  const ModelConfig& config = manifest.config;
  const int context = std::min(policy.context ? policy.context : default_context, config.max_positions);
  StoredFormats formats(manifest);
  std::vector<Site> sites;
  for (const SiteRow& row : site_rows()) {
    if (!row.made_of.empty()) continue;  // planned above its parts (block.h)
    const LayerSet layers = layers_of(row, config);
    if (layers.empty()) continue;
    Site site = shaped(row, config, context);
    site.kv = policy.kv;
    site.device = device;
    auto groups =
        row.weights.empty() ? std::vector<Group>{{site.stored, {}, layers}} : groups_of(row, layers, config, formats);
    for (Group& group : groups) {
      Site part = site;
      part.stored = group.stored;
      part.tensors = std::move(group.tensors);
      part.stored_alike = groups.size() == 1;
      part.format = wanted_format(row.held_by, policy).value_or(group.stored);
      part.count = 0;
      for (const int layer : group.layers) part.count += times_in(row, layer);
      part.layers = std::move(group.layers);
      sites.push_back(std::move(part));
    }
  }
  return sites;
}

DeviceId device_of(const Placement& placement, Part part, int layer) {
  switch (part) {
    case Part::embedding: return placement.embedding();
    case Part::attention: return placement.attention(layer);
    case Part::experts: return placement.experts(layer);
    case Part::head: break;
  }
  return placement.head();
}

Site part_on(const Site& site, DeviceId device, const Placement& placement) {
  Site part = site;
  part.layers = {};
  part.count = 0;
  for (const int layer : site.layers) {
    const int times = times_on(site, layer, device, placement);
    if (times > 0) part.layers.add(layer);
    part.count += times;
  }
  return part;
}

}  // namespace mxpath
