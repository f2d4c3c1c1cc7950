#include "engine/kv_cache.h"

#include <algorithm>

#include "plan/memory.h"

namespace mxpath {

Result<KvCache> KvCache::create(const ModelConfig& config, int context, int chunk) {
  KvCache cache;
  MXPATH_TRY(cache.memory_, Buffer::allocate(kv_cache_bytes(config, context, chunk)));
  uint16_t* next = cache.memory_.as<uint16_t>();
  const int64_t block = int64_t{kv_block_tokens} * config.kv_width();
  for (bool sliding : config.sliding) {
    const int64_t capacity = kv_capacity(config, sliding, context, chunk), count = (capacity + kv_block_tokens - 1) / kv_block_tokens;
    for (int part = 0; part < 2; ++part) {
      std::vector<uint16_t*> blocks;
      for (int64_t b = 0; b < count; ++b) blocks.push_back(std::exchange(next, next + block));
      cache.blocks_.push_back(std::move(blocks));
    }
    if (sliding && capacity < context) cache.has_ring_ = true, cache.slack_ = capacity - config.sliding_window;
  }
  // A vector's elements keep their place when the outer vector moves.
  for (size_t l = 0; l < config.sliding.size(); ++l)
    cache.views_.push_back({cache.blocks_[2 * l].data(), cache.blocks_[2 * l + 1].data(), kv_capacity(config, config.sliding[l], context, chunk)});
  return cache;
}

int64_t KvCache::shortest_rollback(int64_t length) const { return has_ring_ ? std::max<int64_t>(length - slack_, 0) : 0; }

}  // namespace mxpath
