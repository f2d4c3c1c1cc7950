// Which pages of a device are held, and by how many.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan/kv_layout.h"

namespace mxpath {

/// A page of a pool: [0, size).
using PageId = int32_t;
inline constexpr PageId no_page = -1;

/// The books of one device's pages; the memory itself is somebody else's. A page is free or has holders, and it knows
/// how many of its slots have been written, so that holders can see what they may write. Not for two threads at once.
/// To ask about a page that nobody holds is a bug in the caller.
class PagePool {
 public:
  explicit PagePool(int32_t pages);

  /// A page with one holder and nothing filled; no_page: none is free.
  PageId take();
  /// One holder more.
  void hold(PageId page);
  /// One holder less; free at the last.
  void release(PageId page);
  int holders(PageId page) const { return state(page).holders; }  ///< 0: free
  /// Slots [0, filled) have been written since take(), or will be in the step that is being prepared.
  int filled(PageId page) const { return state(page).filled; }
  void set_filled(PageId page, int slots);

  int32_t size() const { return static_cast<int32_t>(states_.size()); }
  int32_t free() const { return static_cast<int32_t>(free_.size()); }

 private:
  struct State {
    int32_t holders = 0;
    int32_t filled = 0;
  };
  const State& state(PageId page) const { return states_[static_cast<size_t>(page)]; }
  State& state(PageId page) { return states_[static_cast<size_t>(page)]; }

  std::vector<State> states_;  // [size]
  std::vector<PageId> free_;   // the last is taken next, so that pages in use stay few and warm
};

}  // namespace mxpath
