#include "kv/sequence_pages.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace mxpath {

int64_t first_page_seen(const PageGroup& group, int64_t position) {
  return group.window == 0 ? 0 : std::max<int64_t>(position - group.window + 1, 0) / kv_page_tokens;
}

SequencePages::SequencePages(const PageShape& shape, std::span<PagePool> pools)
    : shape_(&shape), pools_(pools), tables_(shape.groups.size()) {}

SequencePages::SequencePages(const PageShape& shape, std::span<PagePool> pools, int64_t length,
                             std::vector<std::vector<PageId>> tables)
    : SequencePages(shape, pools) {
  assert(tables.size() == tables_.size());
  length_ = length;
  for (size_t g = 0; g < tables_.size(); ++g) {
    Table& table = tables_[g];
    table.pages = std::move(tables[g]);
    assert(static_cast<int64_t>(table.pages.size()) == kv_table_entries(length));
    while (table.dropped < kv_table_entries(length) && table.pages[static_cast<size_t>(table.dropped)] == no_page)
      ++table.dropped;
    assert(table.dropped <= first_page_seen(shape.groups[g], length));
    for (size_t i = static_cast<size_t>(table.dropped); i < table.pages.size(); ++i) pool(g).hold(table.pages[i]);
  }
}

SequencePages::~SequencePages() {
  for (size_t g = 0; g < tables_.size(); ++g) cut(g, 0);
}

SequencePages::SequencePages(SequencePages&& other) noexcept
    : shape_(other.shape_),
      pools_(other.pools_),
      length_(std::exchange(other.length_, 0)),
      tables_(std::exchange(other.tables_, {})) {}

SequencePages& SequencePages::operator=(SequencePages&& other) noexcept {
  SequencePages taken(std::move(other));  // gives back what this one held
  std::swap(shape_, taken.shape_);
  std::swap(pools_, taken.pools_);
  std::swap(length_, taken.length_);
  std::swap(tables_, taken.tables_);
  return *this;
}

bool SequencePages::must_copy(size_t group) const {
  const int64_t slot = length_ % kv_page_tokens;
  if (slot == 0) return false;
  const PageId page = tables_[group].pages.back();
  return slot < pool(group).filled(page) && pool(group).holders(page) > 1;
}

int64_t SequencePages::pages_to_extend(int64_t count, int pool) const {
  if (count <= 0) return 0;
  int64_t pages = 0;
  for (size_t g = 0; g < tables_.size(); ++g)
    if (shape_->groups[g].pool == pool)
      pages += kv_table_entries(length_ + count) - kv_table_entries(length_) + (must_copy(g) ? 1 : 0);
  return pages;
}

bool SequencePages::extend(int64_t count, std::vector<PageCopy>& copies) {
  if (count <= 0) return true;
  for (size_t p = 0; p < pools_.size(); ++p)
    if (pages_to_extend(count, static_cast<int>(p)) > pools_[p].free()) return false;
  const int64_t end = length_ + count;
  for (size_t g = 0; g < tables_.size(); ++g) {
    std::vector<PageId>& pages = tables_[g].pages;
    if (must_copy(g)) {
      const PageId copy = pool(g).take();
      copies.push_back({shape_->groups[g].pool, pages.back(), copy});
      pool(g).release(std::exchange(pages.back(), copy));
    }
    while (static_cast<int64_t>(pages.size()) < kv_table_entries(end)) pages.push_back(pool(g).take());
    // A sole holder that was cut back lowers the count of the last page to what it writes itself.
    for (int64_t i = length_ / kv_page_tokens; i < kv_table_entries(end); ++i)
      pool(g).set_filled(pages[static_cast<size_t>(i)],
                         static_cast<int>(std::min<int64_t>(end - i * kv_page_tokens, kv_page_tokens)));
  }
  length_ = end;
  return true;
}

void SequencePages::drop_behind_windows(int64_t keep) {
  for (size_t g = 0; g < tables_.size(); ++g) {
    Table& table = tables_[g];
    const int64_t seen = first_page_seen(shape_->groups[g], length_ - keep);
    for (; table.dropped < seen; ++table.dropped)
      pool(g).release(std::exchange(table.pages[static_cast<size_t>(table.dropped)], no_page));
  }
}

int64_t SequencePages::shortest_truncation() const {
  int64_t shortest = 0;
  for (size_t g = 0; g < tables_.size(); ++g)
    if (tables_[g].dropped > 0)
      shortest = std::max(shortest, tables_[g].dropped * kv_page_tokens + shape_->groups[g].window - 1);
  return shortest;
}

void SequencePages::truncate(int64_t length) {
  assert(length == 0 || (length >= shortest_truncation() && length <= length_));
  for (size_t g = 0; g < tables_.size(); ++g) cut(g, kv_table_entries(length));
  length_ = length;
}

void SequencePages::cut(size_t group, int64_t pages) {
  Table& table = tables_[group];
  while (static_cast<int64_t>(table.pages.size()) > pages) {
    // From the end, so that the pool hands the first pages out first again.
    if (table.pages.back() != no_page) pool(group).release(table.pages.back());
    table.pages.pop_back();
  }
  table.dropped = std::min(table.dropped, pages);
}

SequencePages SequencePages::fork() const {
  SequencePages other(*shape_, pools_);
  other.length_ = length_;
  other.tables_ = tables_;
  for (size_t g = 0; g < tables_.size(); ++g)
    for (size_t i = static_cast<size_t>(tables_[g].dropped); i < tables_[g].pages.size(); ++i)
      pool(g).hold(tables_[g].pages[i]);
  return other;
}

}  // namespace mxpath
