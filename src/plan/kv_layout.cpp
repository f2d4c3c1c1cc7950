#include "plan/kv_layout.h"

#include <algorithm>
#include <limits>

namespace mxpath {
namespace {

constexpr NumberFormat formats[] = {NumberFormat::bf16, NumberFormat::fp16, NumberFormat::fp32, NumberFormat::fp8_e4m3,
                                    NumberFormat::int8};

/// Layers in a page of a device with so many layers of each kind.
size_t layers_in_page(size_t full, size_t sliding) {
  const size_t fewer = std::min(full, sliding), more = std::max(full, sliding);
  return fewer == 0 || more <= 2 * fewer ? more : fewer;
}

void add_groups(KvLayout& layout, DeviceId device, int64_t window, std::span<const int> layers, size_t in_page) {
  for (size_t begin = 0; begin < layers.size(); begin += in_page) {
    const auto part = layers.subspan(begin, std::min(in_page, layers.size() - begin));
    for (size_t i = 0; i < part.size(); ++i)
      layout.places[static_cast<size_t>(part[i])] = {layout.groups.size(), 2 * layout.half * i};
    layout.groups.push_back({device, window, {part.begin(), part.end()}});
  }
}

}  // namespace

std::span<const NumberFormat> kv_formats() { return formats; }

uint64_t kv_half_bytes(NumberFormat format, int kv_heads, int head_dim) {
  const uint64_t rows = static_cast<uint64_t>(kv_heads) * kv_page_tokens;
  const uint64_t element = static_cast<uint64_t>(facts_of(format).element_bits) / 8;
  return rows * static_cast<uint64_t>(head_dim) * element + (format == NumberFormat::int8 ? rows * sizeof(float) : 0);
}

double largest_in(NumberFormat kv) {
  return kv == NumberFormat::int8 ? std::numeric_limits<double>::infinity() : double{facts_of(kv).largest};
}

KvLayout kv_layout(const ModelConfig& config, const Placement& placement, NumberFormat format) {
  KvLayout layout{.format = format, .half = kv_half_bytes(format, config.kv_heads, config.head_dim)};
  layout.places.resize(static_cast<size_t>(config.layers));
  std::vector<DeviceId> devices;
  for (int layer = 0; layer < config.layers; ++layer)
    if (!std::ranges::count(devices, placement.attention(layer))) devices.push_back(placement.attention(layer));
  for (const DeviceId device : devices) {
    std::vector<int> full, sliding;
    for (int layer = 0; layer < config.layers; ++layer)
      if (placement.attention(layer) == device)
        (config.sliding[static_cast<size_t>(layer)] ? sliding : full).push_back(layer);
    const size_t in_page = layers_in_page(full.size(), sliding.size());
    add_groups(layout, device, 0, full, in_page);
    add_groups(layout, device, config.sliding_window, sliding, in_page);
  }
  return layout;
}

uint64_t KvLayout::page_bytes(DeviceId device) const {
  size_t most = 0;
  for (const KvGroup& group : groups)
    if (group.device == device) most = std::max(most, group.layers.size());
  return 2 * half * most;
}

int64_t KvLayout::pages_for(DeviceId device, int64_t tokens, int chunk) const {
  int64_t pages = 0;
  for (const KvGroup& group : groups) {
    if (group.device != device) continue;
    const int64_t all = kv_table_entries(tokens);
    // A chunk that begins anywhere in a page, behind the window - 1 keys that its first token sees.
    const int64_t held = kv_table_entries(group.window - 1 + std::min<int64_t>(chunk, tokens)) + 1;
    pages += group.window > 0 ? std::min(all, held) : all;
  }
  return pages;
}

}  // namespace mxpath
