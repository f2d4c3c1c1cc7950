#include "server/reasoning_memory.h"

#include <utility>

namespace mxpath::server {

/// A key holds no line end, so that no two pairs have one name.
std::string ReasoningMemory::name_of(std::string_view key, std::string_view call_id) {
  return std::string(key) + "\n" + std::string(call_id);
}

void ReasoningMemory::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes();
  by_name_.erase(entry->name);
  entries_.erase(entry);
}

void ReasoningMemory::drop_old() {
  while (!entries_.empty() && (bytes_ > limits_.bytes || now_() - entries_.front().at > limits_.seconds))
    drop(entries_.begin());
}

void ReasoningMemory::put(std::string_view key, std::string_view call_id, std::string reasoning) {
  const std::lock_guard lock(mutex_);
  std::string name = name_of(key, call_id);
  if (const auto known = by_name_.find(name); known != by_name_.end()) drop(known->second);
  entries_.push_back({std::move(name), std::move(reasoning), now_()});
  by_name_[entries_.back().name] = std::prev(entries_.end());
  bytes_ += entries_.back().bytes();
  drop_old();
}

std::optional<std::string> ReasoningMemory::find(std::string_view key, std::string_view call_id) {
  const std::lock_guard lock(mutex_);
  drop_old();
  const auto found = by_name_.find(name_of(key, call_id));
  if (found == by_name_.end()) return {};
  return found->second->reasoning;
}

size_t ReasoningMemory::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace mxpath::server
