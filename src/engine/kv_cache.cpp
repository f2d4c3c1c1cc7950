#include "engine/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "plan/memory.h"

namespace mxpath {

Result<KvCache> KvCache::create(const ModelConfig& config, const Plan& plan) {
  KvCache cache;
  for (const DevicePlan& device : plan.devices) {
    const uint64_t bytes = kv_cache_bytes(config, plan.context, plan.chunk, plan.placement, device.id);
    if (bytes == 0) continue;
    Part& part = cache.parts_[device.id];
    MXPATH_TRY(part.blocks, Memory::allocate(device.id, bytes));
    part.next = part.blocks.as<uint16_t>();
  }
  const int64_t block = int64_t{kv_block_tokens} * config.kv_width();
  for (int layer = 0; layer < config.layers; ++layer) {
    const bool sliding = config.sliding[static_cast<size_t>(layer)];
    const int64_t capacity = kv_capacity(config, sliding, plan.context, plan.chunk),
                  count = (capacity + kv_block_tokens - 1) / kv_block_tokens;
    const DeviceId device = plan.placement.attention(layer);
    uint16_t*& next = cache.parts_[device].next;
    for (int half = 0; half < 2; ++half) {
      std::vector<uint16_t*> blocks;
      for (int64_t b = 0; b < count; ++b) blocks.push_back(std::exchange(next, next + block));
      cache.blocks_.push_back(std::move(blocks));
    }
    cache.where_.push_back(device);
    if (sliding && capacity < plan.context) {
      cache.has_ring_ = true;
      cache.slack_ = capacity - config.sliding_window;
    }
  }
  // A vector's elements keep their place when the outer vector moves.
  for (size_t l = 0; l < config.sliding.size(); ++l)
    cache.own_.push_back({cache.blocks_[2 * l].data(), cache.blocks_[2 * l + 1].data(),
                          kv_capacity(config, config.sliding[l], plan.context, plan.chunk)});
  for (const KvView& view : cache.own_) cache.views_.push_back(&view);
  for (auto& [device, part] : cache.parts_)
    if (device.is_gpu())
      MXPATH_CHECK(cache.send_tables(device, part, kv_table_bytes(config, plan.context, plan.chunk)));
  return cache;
}

uint64_t KvCache::bytes() const {
  uint64_t sum = 0;
  for (const auto& [device, part] : parts_) sum += part.blocks.size();
  return sum;
}

Status KvCache::send_tables(DeviceId gpu, Part& part, size_t size) {
  // One piece: the views of all layers, then the block tables of those on the GPU.
  MXPATH_TRY(part.tables, Memory::allocate(gpu, size));
  std::vector<uint8_t> tables(size);
  size_t at = own_.size() * sizeof(KvView);
  const auto put = [&](const std::vector<uint16_t*>& blocks) {
    std::memcpy(tables.data() + at, blocks.data(), blocks.size() * sizeof(uint16_t*));
    return reinterpret_cast<uint16_t* const*>(part.tables.data() +
                                              std::exchange(at, at + blocks.size() * sizeof(uint16_t*)));
  };
  for (size_t l = 0; l < own_.size(); ++l) {
    if (where_[l] != gpu) continue;
    const KvView view{put(blocks_[2 * l]), put(blocks_[2 * l + 1]), own_[l].capacity};
    std::memcpy(tables.data() + l * sizeof(KvView), &view, sizeof(KvView));
    views_[l] = reinterpret_cast<const KvView*>(part.tables.data()) + l;
  }
  MXPATH_TRY(Stream stream, Stream::create(gpu));
  return stream.copy_in(part.tables.data(), tables.data(), size);
}

int64_t KvCache::shortest_rollback(int64_t length) const {
  return has_ring_ ? std::max<int64_t>(length - slack_, 0) : 0;
}

}  // namespace mxpath
