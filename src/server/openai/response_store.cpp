#include "server/openai/response_store.h"

#include <utility>

namespace mxpath::openai {
namespace {

// What an allocator keeps beside each block, and a map beside each entry.
constexpr size_t block_bytes = 16, entry_bytes = 128;

size_t heap_of(const std::string& text) {
  return text.capacity() <= std::string().capacity() ? 0 : text.capacity() + block_bytes;
}

/// Bytes that a value keeps beside its own place in what holds it.
size_t heap_of(const Json& json) {
  size_t bytes = 0;
  if (json.is_string()) {
    bytes = sizeof(std::string) + block_bytes + heap_of(json.get_ref<const std::string&>());
  } else if (json.is_object()) {
    bytes = sizeof(Json::object_t) + block_bytes;
    for (const auto& [key, value] : json.get_ref<const Json::object_t&>())
      bytes += sizeof(Json::object_t::value_type) + heap_of(key) + heap_of(value);
  } else if (json.is_array()) {
    bytes = sizeof(Json::array_t) + block_bytes;
    for (const Json& value : json) bytes += sizeof(Json) + heap_of(value);
  }
  return bytes;
}

}  // namespace

ResponseStore::ResponseStore(Limits limits, std::function<double()> now) : limits_(limits), now_(std::move(now)) {}

void ResponseStore::put(std::string id, StoredResponse response) {
  if (const auto same = by_id_.find(id); same != by_id_.end()) drop(same->second);
  Entry entry = {std::move(id), std::move(response), 0, now_()};
  entry.bytes = sizeof(Entry) + entry_bytes + 2 * heap_of(entry.id) + heap_of(entry.response.key) +
                heap_of(entry.response.response) + heap_of(entry.response.input);
  if (entry.bytes > limits_.bytes || limits_.responses == 0) return;
  bytes_ += entry.bytes;
  entries_.push_back(std::move(entry));
  by_id_[entries_.back().id] = std::prev(entries_.end());
  drop_old();
}

const StoredResponse* ResponseStore::find(std::string_view id, std::string_view key) {
  const Place place = place_of(id, key);
  if (place == entries_.end()) return nullptr;
  place->at = now_();
  entries_.splice(entries_.end(), entries_, place);
  return &place->response;
}

bool ResponseStore::erase(std::string_view id, std::string_view key) {
  const Place place = place_of(id, key);
  if (place == entries_.end()) return false;
  drop(place);
  return true;
}

ResponseStore::Place ResponseStore::place_of(std::string_view id, std::string_view key) {
  drop_old();
  const auto found = by_id_.find(std::string(id));
  return found != by_id_.end() && found->second->response.key == key ? found->second : entries_.end();
}

void ResponseStore::drop(Place place) {
  bytes_ -= place->bytes;
  by_id_.erase(place->id);
  entries_.erase(place);
}

// Entries stand in the order in which they were last used, so the oldest is the first.
void ResponseStore::drop_old() {
  const double now = now_();
  while (!entries_.empty() &&
         (entries_.size() > limits_.responses || bytes_ > limits_.bytes || now - entries_.front().at > limits_.seconds))
    drop(entries_.begin());
}

}  // namespace mxpath::openai
