// Compiles bodies beside whoever asks, and keeps them.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "grammar/body.h"

namespace mxpath::grammar {

/// Thread-safe. A body that takes too long is compiled to its end and kept, so that asking again may find it.
class BodyCache {
 public:
  struct Limits {
    std::chrono::milliseconds wait{2000};  ///< of get()
    size_t bytes = 64 << 20;               ///< of bodies and their texts
    size_t workers = 2;
  };
  /// compile: called on threads of the cache.
  BodyCache(std::function<CompiledBody(BodyKind, const std::string&)> compile, Limits limits);
  /// Waits for what is being compiled.
  ~BodyCache();

  /// Null: it takes longer than the limit.
  std::optional<CompiledBody> get(BodyKind kind, std::string text);
  size_t bytes() const;

 private:
  using Key = std::pair<BodyKind, std::string>;
  struct Job {
    Key key;
    std::optional<CompiledBody> result;
    int waiting = 0;  // who asks for it
    bool begun = false;
  };
  struct Kept {
    Key key;
    CompiledBody compiled;
    size_t bytes;
  };

  std::optional<CompiledBody> find(const Key& key);
  std::shared_ptr<Job> job_of(Key key);
  bool start_worker();
  void work();
  void keep(const Key& key, const CompiledBody& compiled);

  std::function<CompiledBody(BodyKind, const std::string&)> compile_;
  Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable work_, done_;
  std::list<Kept> kept_;  // most recently used first
  std::map<Key, std::list<Kept>::iterator> by_key_;
  size_t bytes_ = 0;
  std::list<std::shared_ptr<Job>> jobs_;  // waiting or running
  std::vector<std::thread> workers_;
  size_t idle_ = 0;
  bool stops_ = false;
};

}  // namespace mxpath::grammar
