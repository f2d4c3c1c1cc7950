#include "kv/kv_cache.h"

#include <algorithm>

#include "plan/memory.h"

namespace mxpath {

Result<KvCache> KvCache::create(const Plan& plan) {
  KvCache cache;
  cache.layout_ = plan.kv;
  cache.slots_ = plan.sequences + 1, cache.chunk_ = plan.chunk, cache.entries_ = kv_table_entries(plan.context);
  cache.shape_ = std::make_unique<PageShape>();
  cache.pools_ = std::make_unique<std::vector<PagePool>>();
  for (const KvGroup& group : cache.layout_.groups) {
    auto part = std::ranges::find(cache.parts_, group.device, &Part::device);
    if (part == cache.parts_.end()) {
      part = cache.parts_.insert(part, {group.device, cache.layout_.page_bytes(group.device)});
      const auto pages = static_cast<uint64_t>(plan.kv_pages(group.device));
      MXPATH_TRY(part->pages, Memory::allocate(group.device, pages * part->page_bytes));
      if (group.device.is_gpu()) {
        MXPATH_TRY(part->tables, Memory::allocate(group.device, kv_table_bytes(cache.layout_, group.device, plan)));
      }
      cache.pools_->emplace_back(static_cast<int32_t>(pages));
    }
    cache.shape_->groups.push_back({static_cast<int>(part - cache.parts_.begin()), group.window});
  }
  std::vector<int64_t> next(cache.parts_.size());
  const int64_t cells = cache.slots_ * cache.entries_;
  for (const PageGroup& group : cache.shape_->groups) {
    const Part& part = cache.parts_[static_cast<size_t>(group.pool)];
    int64_t& at = next[static_cast<size_t>(group.pool)];
    cache.tables_.push_back({std::vector<int32_t>(static_cast<size_t>(cells), no_page),
                             part.device.is_gpu() ? part.tables.as<int32_t>() + at : nullptr});
    at += cells;
  }
  for (const KvLayout::Place& place : cache.layout_.places) {
    const Part& part = cache.parts_[static_cast<size_t>(cache.shape_->groups[place.group].pool)];
    const Table& table = cache.tables_[place.group];
    cache.layers_.push_back({.pool = part.pages.data(),
                             .page_bytes = static_cast<int64_t>(part.page_bytes),
                             .keys = static_cast<int64_t>(place.at),
                             .values = static_cast<int64_t>(place.at + cache.layout_.half),
                             .tables = table.on_device ? table.on_device : table.entries.data(),
                             .table_stride = cache.entries_,
                             .format = cache.layout_.format});
  }
  return cache;
}

int64_t KvCache::pages_for(int pool, int64_t tokens) const {
  return layout_.pages_for(parts_[static_cast<size_t>(pool)].device, tokens, chunk_);
}

uint64_t KvCache::bytes() const {
  uint64_t sum = 0;
  for (const Part& part : parts_) sum += part.pages.size();
  return sum;
}

Status KvCache::copy(std::span<const PageCopy> copies, const Streams& streams) {
  for (const PageCopy& copy : copies) {
    const Part& part = parts_[static_cast<size_t>(copy.pool)];
    streams.at(part.device)->copy_within(page(copy.pool, copy.to), page(copy.pool, copy.from), part.page_bytes);
  }
  return {};
}

Status KvCache::set_table(int slot, const SequencePages& sequence, const Streams& streams) {
  for (size_t g = 0; g < tables_.size(); ++g) {
    const std::span<const PageId> now = sequence.table(static_cast<int>(g));
    int32_t* known = tables_[g].entries.data() + slot * entries_;
    // Pages that were dropped are not followed; their entries may say what they like.
    int64_t begin = 0, end = std::ssize(now);
    const auto same = [&](int64_t i) {
      const PageId id = now[static_cast<size_t>(i)];
      return id == no_page || id == known[i];
    };
    while (begin < end && same(begin)) ++begin;
    while (begin < end && same(end - 1)) --end;
    if (begin == end) continue;
    std::copy(now.begin() + begin, now.begin() + end, known + begin);
    if (!tables_[g].on_device) continue;
    const DeviceId device = parts_[static_cast<size_t>(shape_->groups[g].pool)].device;
    MXPATH_CHECK(streams.at(device)->copy_in(tables_[g].on_device + slot * entries_ + begin, known + begin,
                                             static_cast<size_t>(end - begin) * sizeof(int32_t)));
  }
  return {};
}

Status KvCache::read(int pool, PageId id, std::span<uint8_t> to, const Streams& streams) const {
  return streams.at(parts_[static_cast<size_t>(pool)].device)->copy_out(to.data(), page(pool, id), to.size());
}

Status KvCache::write(int pool, PageId id, std::span<const uint8_t> from, const Streams& streams) {
  return streams.at(parts_[static_cast<size_t>(pool)].device)->copy_in(page(pool, id), from.data(), from.size());
}

}  // namespace mxpath
