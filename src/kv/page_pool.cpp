#include "kv/page_pool.h"

#include <cassert>

namespace mxpath {

PagePool::PagePool(int32_t pages) : states_(static_cast<size_t>(pages)) {
  free_.reserve(states_.size());
  for (PageId page = pages - 1; page >= 0; --page) free_.push_back(page);
}

PageId PagePool::take() {
  if (free_.empty()) return no_page;
  const PageId page = free_.back();
  free_.pop_back();
  state(page) = {.holders = 1, .filled = 0};
  return page;
}

void PagePool::hold(PageId page) {
  assert(holders(page) > 0);
  ++state(page).holders;
}

void PagePool::release(PageId page) {
  assert(holders(page) > 0);
  if (--state(page).holders == 0) free_.push_back(page);
}

void PagePool::set_filled(PageId page, int slots) {
  assert(holders(page) > 0 && slots >= 0 && slots <= kv_page_tokens);
  state(page).filled = slots;
}

}  // namespace mxpath
