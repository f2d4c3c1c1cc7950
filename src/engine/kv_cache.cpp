#include "engine/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "plan/memory.h"

namespace mxpath {

Result<KvCache> KvCache::create(const ModelConfig& config, const Plan& plan, CudaStream& stream) {
  KvCache cache;
  const auto bytes_on = [&](Device device) { return kv_cache_bytes(config, plan.context, plan.chunk, plan.placement, device); };
  MXPATH_TRY(cache.memory_, Buffer::allocate(bytes_on(Device::cpu)));
  if (bytes_on(Device::cuda) > 0) {
    MXPATH_TRY(cache.gpu_memory_, CudaBuffer::allocate(plan.placement.cuda_index, bytes_on(Device::cuda)));
  }
  uint16_t *next_cpu = cache.memory_.as<uint16_t>(), *next_gpu = cache.gpu_memory_.as<uint16_t>();
  const int64_t block = int64_t{kv_block_tokens} * config.kv_width();
  for (int layer = 0; layer < config.layers; ++layer) {
    const bool sliding = config.sliding[static_cast<size_t>(layer)], gpu = plan.placement.attention(layer) == Device::cuda;
    const int64_t capacity = kv_capacity(config, sliding, plan.context, plan.chunk),
                  count = (capacity + kv_block_tokens - 1) / kv_block_tokens;
    uint16_t*& next = gpu ? next_gpu : next_cpu;
    for (int part = 0; part < 2; ++part) {
      std::vector<uint16_t*> blocks;
      for (int64_t b = 0; b < count; ++b) blocks.push_back(std::exchange(next, next + block));
      cache.blocks_.push_back(std::move(blocks));
    }
    cache.on_gpu_.push_back(gpu);
    if (sliding && capacity < plan.context) cache.has_ring_ = true, cache.slack_ = capacity - config.sliding_window;
  }
  // A vector's elements keep their place when the outer vector moves.
  for (size_t l = 0; l < config.sliding.size(); ++l)
    cache.own_.push_back(
        {cache.blocks_[2 * l].data(), cache.blocks_[2 * l + 1].data(), kv_capacity(config, config.sliding[l], plan.context, plan.chunk)});
  for (const KvView& view : cache.own_) cache.views_.push_back(&view);
  if (cache.gpu_memory_.size() > 0) MXPATH_CHECK(cache.send_tables(stream));
  return cache;
}

Status KvCache::send_tables(CudaStream& stream) {
  // One piece: the views of all layers, then the block tables of those on the GPU.
  size_t size = own_.size() * sizeof(KvView);
  for (const auto& blocks : blocks_) size += blocks.size() * sizeof(uint16_t*);
  MXPATH_TRY(gpu_tables_, CudaBuffer::allocate(stream.device(), size));
  std::vector<uint8_t> tables(size);
  size_t at = own_.size() * sizeof(KvView);
  const auto put = [&](const std::vector<uint16_t*>& blocks) {
    std::memcpy(tables.data() + at, blocks.data(), blocks.size() * sizeof(uint16_t*));
    return reinterpret_cast<uint16_t* const*>(gpu_tables_.data() + std::exchange(at, at + blocks.size() * sizeof(uint16_t*)));
  };
  for (size_t l = 0; l < own_.size(); ++l) {
    if (!on_gpu_[l]) continue;
    const KvView view{put(blocks_[2 * l]), put(blocks_[2 * l + 1]), own_[l].capacity};
    std::memcpy(tables.data() + l * sizeof(KvView), &view, sizeof(KvView));
    views_[l] = reinterpret_cast<const KvView*>(gpu_tables_.data()) + l;
  }
  return stream.copy_in(gpu_tables_.data(), tables.data(), size);
}

int64_t KvCache::shortest_rollback(int64_t length) const { return has_ring_ ? std::max<int64_t>(length - slack_, 0) : 0; }

}  // namespace mxpath
