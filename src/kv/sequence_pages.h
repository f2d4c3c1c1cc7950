// The pages of one sequence.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kv/page_pool.h"

namespace mxpath {

/// Layers whose keys and values lie in the same pages: one device's, of one kind of attention.
struct PageGroup {
  int pool = 0;        ///< which pool its pages are of
  int64_t window = 0;  ///< a token at p sees p - window + 1 … p; 0: all before it (full attention)
};
struct PageShape {
  std::vector<PageGroup> groups;
};

/// The first page that the token at `position` sees.
int64_t first_page_seen(const PageGroup& group, int64_t position);

/// A whole page to be copied before anything of the step is written. Copies are made in the order of their list: a
/// later one may be into a page that an earlier one is from.
struct PageCopy {
  int pool;
  PageId from, to;
  bool operator==(const PageCopy&) const = default;
};

/// The pages of one sequence, a table of them for each group. Gives back what it holds; move only. Pages may be shared
/// with other sequences and with a PrefixCache: a slot that is written is written once, by the first that comes to it,
/// and who comes later copies the page. The shape and the pools must outlive it.
class SequencePages {
 public:
  /// Length 0, no pages.
  SequencePages(const PageShape& shape, std::span<PagePool> pools);
  /// One that goes on from pages that somebody else holds, and holds them too. `tables`:
  /// [groups][kv_table_entries(length)], those of sliding groups may begin with no_page as far as the token at `length`
  /// does not see.
  SequencePages(const PageShape& shape, std::span<PagePool> pools, int64_t length,
                std::vector<std::vector<PageId>> tables);
  ~SequencePages();
  SequencePages(SequencePages&& other) noexcept;
  SequencePages& operator=(SequencePages&& other) noexcept;
  SequencePages(const SequencePages&) = delete;
  SequencePages& operator=(const SequencePages&) = delete;

  int64_t length() const { return length_; }  ///< tokens

  /// Room for `count` tokens more; length() grows by it. All or nothing: false, where a pool has too few free pages,
  /// leaves everything as it was. A page whose slot at the old length is filled and which others hold is copied first
  /// (added to `copies`); one that nobody has filled there is shared on.
  [[nodiscard]] bool extend(int64_t count, std::vector<PageCopy>& copies);
  /// Pages that extend(count) would take of that pool, copies included.
  int64_t pages_to_extend(int64_t count, int pool) const;

  /// Gives back the pages of sliding groups that no token from length() - `keep` on can see. To be called after the
  /// step that wrote them: in it, the first new token still looks back from where it stands.
  void drop_behind_windows(int64_t keep = 0);
  /// Lengths below it, other than 0, cannot be continued from: pages that their next token sees are gone.
  int64_t shortest_truncation() const;
  /// To a length in [shortest_truncation(), length()], or 0. Whole pages behind it go back; what is written again
  /// follows the rule of extend().
  void truncate(int64_t length);

  /// Another sequence of the same tokens, on the same pages.
  SequencePages fork() const;
  /// [kv_table_entries(length())]; no_page where it was dropped. Valid until the sequence changes.
  std::span<const PageId> table(int group) const { return tables_[static_cast<size_t>(group)].pages; }

 private:
  struct Table {
    std::vector<PageId> pages = {};
    int64_t dropped = 0;  // so many at its beginning are no_page
  };
  PagePool& pool(size_t group) const { return pools_[static_cast<size_t>(shape_->groups[group].pool)]; }
  bool must_copy(size_t group) const;
  void cut(size_t group, int64_t pages);

  const PageShape* shape_;
  std::span<PagePool> pools_;
  int64_t length_ = 0;
  std::vector<Table> tables_;  // [groups]
};

}  // namespace mxpath
