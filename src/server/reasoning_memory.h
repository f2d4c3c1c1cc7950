// The reasoning before a call, for clients that send a call back without it.
#pragma once
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace mxpath::server {

/// Bounded by bytes and age; the oldest goes first. From any thread.
class ReasoningMemory {
 public:
  struct Limits {
    size_t bytes = 16 << 20;
    double seconds = 3600;
  };
  ReasoningMemory(Limits limits, std::function<double()> now) : limits_(limits), now_(std::move(now)) {}

  /// Kept under the id of the call, for the caller's key alone.
  void put(std::string_view key, std::string_view call_id, std::string reasoning);
  /// None: unknown, too old, or another caller's.
  std::optional<std::string> find(std::string_view key, std::string_view call_id);
  size_t size() const;

 private:
  struct Entry {
    std::string name, reasoning;
    double at = 0;
    size_t bytes() const { return name.size() + reasoning.size() + sizeof(Entry); }
  };
  static std::string name_of(std::string_view key, std::string_view call_id);
  void drop_old();
  void drop(std::list<Entry>::iterator entry);

  const Limits limits_;
  const std::function<double()> now_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the oldest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_name_;
  size_t bytes_ = 0;
};

}  // namespace mxpath::server
