#include "grammar/body_cache.h"

#include <algorithm>
#include <system_error>

namespace mxpath::grammar {

BodyCache::BodyCache(std::function<CompiledBody(BodyKind, const std::string&)> compile, Limits limits)
    : compile_(std::move(compile)), limits_(limits) {}

BodyCache::~BodyCache() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  work_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

size_t BodyCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::optional<CompiledBody> BodyCache::get(BodyKind kind, std::string text) {
  const auto deadline = std::chrono::steady_clock::now() + limits_.wait;
  Key key(kind, std::move(text));
  std::unique_lock lock(mutex_);
  if (std::optional<CompiledBody> known = find(key)) return known;
  const std::shared_ptr<Job> job = job_of(std::move(key));
  const auto waiting = std::count_if(jobs_.begin(), jobs_.end(), [](const auto& other) { return !other->begun; });
  const bool more = static_cast<size_t>(waiting) > idle_ && workers_.size() < limits_.workers;
  if (more && !start_worker() && workers_.empty()) {
    jobs_.remove(job);
    return CompiledBody{.body = nullptr, .problem = "the system starts no thread for it", .warnings = {}};
  }
  work_.notify_one();
  ++job->waiting;
  done_.wait_until(lock, deadline, [&] { return job->result.has_value(); });
  if (--job->waiting == 0 && !job->begun) jobs_.remove(job);
  return job->result;
}

std::optional<CompiledBody> BodyCache::find(const Key& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  kept_.splice(kept_.begin(), kept_, found->second);
  return kept_.front().compiled;
}

// The job that others ask for already, or a new one.
std::shared_ptr<BodyCache::Job> BodyCache::job_of(Key key) {
  for (const std::shared_ptr<Job>& job : jobs_)
    if (job->key == key) return job;
  jobs_.push_back(std::make_shared<Job>(Job{.key = std::move(key), .result = {}}));
  return jobs_.back();
}

bool BodyCache::start_worker() {
  try {
    workers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void BodyCache::work() {
  const auto waits = [](const std::shared_ptr<Job>& job) { return !job->begun; };
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    work_.wait(lock, [&] { return stops_ || std::any_of(jobs_.begin(), jobs_.end(), waits); });
    --idle_;
    if (stops_) return;
    const std::shared_ptr<Job> job = *std::find_if(jobs_.begin(), jobs_.end(), waits);
    job->begun = true;
    lock.unlock();
    CompiledBody compiled = compile_(job->key.first, job->key.second);
    lock.lock();
    if (compiled.body) keep(job->key, compiled);
    job->result = std::move(compiled);
    jobs_.remove(job);
    done_.notify_all();
  }
}

void BodyCache::keep(const Key& key, const CompiledBody& compiled) {
  const size_t bytes = compiled.body->bytes() + 2 * key.second.size();
  if (bytes > limits_.bytes) return;
  kept_.push_front({key, compiled, bytes});
  by_key_[key] = kept_.begin();
  bytes_ += bytes;
  while (bytes_ > limits_.bytes) {
    bytes_ -= kept_.back().bytes;
    by_key_.erase(kept_.back().key);
    kept_.pop_back();
  }
}

}  // namespace mxpath::grammar
