// The responses that previous_response_id and GET /v1/responses/{id} may name.
#pragma once
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/json.h"

namespace mxpath::openai {

/// A finished response as it is kept for previous_response_id and GET.
struct StoredResponse {
  Json response;               ///< the whole object
  Json input = Json::array();  ///< the items it was asked with, those of the responses before it first
  std::string key;             ///< of the caller, who alone may read it
};

/// Newest used last; the oldest go first. Not thread-safe.
class ResponseStore {
 public:
  struct Limits {
    size_t responses = 1000, bytes = 64 << 20;  ///< bytes: of memory, as far as it can be told
    double seconds = 3600;                      ///< since it was last used
  };
  /// now: seconds of a clock that never goes back.
  explicit ResponseStore(Limits limits, std::function<double()> now);
  /// Replaces one with the same id. What is larger than the whole store is not kept.
  void put(std::string id, StoredResponse response);
  /// Null: unknown, too old, or another caller's. Valid until the next call.
  const StoredResponse* find(std::string_view id, std::string_view key);
  bool erase(std::string_view id, std::string_view key);
  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string id;
    StoredResponse response;
    size_t bytes = 0;
    double at = 0;
  };
  using Place = std::list<Entry>::iterator;
  void drop(Place place);
  void drop_old();
  Place place_of(std::string_view id, std::string_view key);

  Limits limits_;
  std::function<double()> now_;
  std::list<Entry> entries_;
  std::unordered_map<std::string, Place> by_id_;
  size_t bytes_ = 0;
};

}  // namespace mxpath::openai
