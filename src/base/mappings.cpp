#include "base/mappings.h"

#include <atomic>

namespace mxpath {
namespace {

/// A place in the list. Places are used again and never freed, so that a handler can walk the list at any time.
struct Place {
  std::atomic<bool> taken = true;
  std::atomic<uintptr_t> begin = 0, end = 0;  // nothing lies in it while end is 0
  std::string path;
  Place* next = nullptr;
};
static_assert(std::atomic<uintptr_t>::is_always_lock_free && std::atomic<Place*>::is_always_lock_free);

std::atomic<Place*> first = nullptr;

Place* free_place() {
  for (Place* place = first.load(); place; place = place->next)
    if (!place->taken.exchange(true)) return place;
  Place* fresh = new Place;
  fresh->next = first.load();
  while (!first.compare_exchange_weak(fresh->next, fresh)) {
  }
  return fresh;
}

}  // namespace

MappingAt mapping_at(const void* address) noexcept {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (const Place* place = first.load(); place; place = place->next)
    if (const uintptr_t end = place->end.load(), begin = place->begin.load(); begin <= at && at < end)
      return {place->path.c_str(), at - begin};
  return {};
}

void add_mapping(const void* begin, size_t size, const std::string& path) {
  std::string copy = path;  // may throw, and nothing is taken yet
  Place* place = free_place();
  place->path.swap(copy);
  place->begin = reinterpret_cast<uintptr_t>(begin);
  place->end = reinterpret_cast<uintptr_t>(begin) + size;
}

void remove_mapping(const void* begin) noexcept {
  for (Place* place = first.load(); place; place = place->next) {
    if (place->end.load() == 0 || place->begin.load() != reinterpret_cast<uintptr_t>(begin)) continue;
    place->end = 0;
    place->taken = false;
    return;
  }
}

}  // namespace mxpath
