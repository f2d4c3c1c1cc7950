// What pages hold, for tests: each slot says which text, up to which position, was written into it.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "base/random.h"
#include "kv/sequence_pages.h"

namespace mxpath {

/// Ids, and for each position a number that stands for all ids up to it, as its keys and values do.
class Text {
 public:
  void add(int32_t id) {
    const uint64_t before = sums_.empty() ? 1 : sums_.back();
    ids_.push_back(id);
    sums_.push_back(Random(before + static_cast<uint64_t>(id) * 0x9e3779b1).next() | 1);
  }
  void cut(int64_t length) {
    ids_.resize(static_cast<size_t>(length));
    sums_.resize(static_cast<size_t>(length));
  }
  std::span<const int32_t> ids() const { return ids_; }
  int64_t length() const { return static_cast<int64_t>(ids_.size()); }
  /// What group `group` has at `position`; never 0.
  uint64_t value(int64_t position, size_t group) const { return sums_[static_cast<size_t>(position)] + 2 * group; }

 private:
  std::vector<int32_t> ids_;
  std::vector<uint64_t> sums_;
};

/// `length` ids of which the first `shared` are the same for all `kind`s.
inline Text text_of(int64_t length, int64_t shared = 0, int32_t kind = 0) {
  Text text;
  for (int64_t i = 0; i < length; ++i) text.add(static_cast<int32_t>(i % 7) + (i < shared ? 0 : 100 * (kind + 1)));
  return text;
}

inline std::vector<PagePool> pools_of(int count, int32_t pages) {
  return std::vector<PagePool>(static_cast<size_t>(count), PagePool(pages));
}

inline int32_t free_pages(std::span<const PagePool> pools) {
  int32_t free = 0;
  for (const PagePool& pool : pools) free += pool.free();
  return free;
}

/// The slots of all pages. Free pages hold poison as soon as poison_free() is called.
class PageMemory {
 public:
  PageMemory(const PageShape& shape, std::span<PagePool> pools) : shape_(shape), pools_(pools) {
    for (const PagePool& pool : pools) slots_.emplace_back(static_cast<size_t>(pool.size()) * kv_page_tokens, poison);
  }

  void poison_free() {
    for (size_t p = 0; p < pools_.size(); ++p)
      for (PageId page = 0; page < pools_[p].size(); ++page)
        if (pools_[p].holders(page) == 0) std::fill_n(&slot(p, page, 0), kv_page_tokens, poison);
  }
  void copy(std::span<const PageCopy> copies) {
    for (const PageCopy& c : copies) {
      const size_t pool = static_cast<size_t>(c.pool);
      std::copy_n(&slot(pool, c.from, 0), kv_page_tokens, &slot(pool, c.to, 0));
    }
  }
  /// The step that reads text[from, sequence.length()): writes its slots.
  void write(const SequencePages& sequence, const Text& text, int64_t from) {
    for (size_t g = 0; g < shape_.groups.size(); ++g)
      for (int64_t i = from; i < sequence.length(); ++i) at(sequence, g, i) = text.value(i, g);
  }
  /// Whether all that the token at `position` sees of the positions before it is what `text` wrote.
  testing::AssertionResult reads(const SequencePages& sequence, const Text& text, int64_t position) {
    for (size_t g = 0; g < shape_.groups.size(); ++g) {
      const int64_t window = shape_.groups[g].window;
      for (int64_t i = window == 0 ? 0 : std::max<int64_t>(position - window + 1, 0); i < position; ++i) {
        if (sequence.table(static_cast<int>(g))[static_cast<size_t>(i / kv_page_tokens)] == no_page)
          return testing::AssertionFailure() << "group " << g << ", " << i << " of " << position << ": no page";
        const uint64_t have = at(sequence, g, i);
        if (have != text.value(i, g))
          return testing::AssertionFailure()
                 << "group " << g << ", " << i << " of " << position << (have == poison ? ": poison" : ": another's");
      }
    }
    return testing::AssertionSuccess();
  }
  /// extend() by what `text` is longer, with the copies and writes of its step; false: no room.
  bool read(SequencePages& sequence, const Text& text) {
    const int64_t from = sequence.length();
    std::vector<PageCopy> copies;
    if (!sequence.extend(text.length() - from, copies)) return false;
    copy(copies);
    write(sequence, text, from);
    return true;
  }

  /// The slots of one page, as a file has them.
  std::span<uint64_t> page(int pool, PageId page) {
    return {&slot(static_cast<size_t>(pool), page, 0), kv_page_tokens};
  }

 private:
  static constexpr uint64_t poison = 0;
  uint64_t& slot(size_t pool, PageId page, int64_t index) {
    return slots_[pool][static_cast<size_t>(page) * kv_page_tokens + static_cast<size_t>(index)];
  }
  uint64_t& at(const SequencePages& sequence, size_t group, int64_t position) {
    return slot(static_cast<size_t>(shape_.groups[group].pool),
                sequence.table(static_cast<int>(group))[static_cast<size_t>(position / kv_page_tokens)],
                position % kv_page_tokens);
  }

  const PageShape& shape_;
  std::span<PagePool> pools_;
  std::vector<std::vector<uint64_t>> slots_;  // [pools][pages * kv_page_tokens]
};

}  // namespace mxpath
