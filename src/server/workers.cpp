#include "server/workers.h"

#include <system_error>
#include <utility>

namespace mxpath::server {

Status Workers::start(int threads) {
  try {
    for (int i = 0; i < threads; ++i) threads_.emplace_back(&Workers::work, this);
  } catch (const std::system_error&) {
    return Error{"the system starts no thread for the server; end other programs, or raise the limit of threads"};
  }
  return {};
}

void Workers::put(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return;
    jobs_.push_back(std::move(job));
  }
  came_.notify_one();
}

void Workers::stop() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    dropped.swap(jobs_);
  }
  came_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

size_t Workers::waiting() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void Workers::work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      came_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    try {
      job();
    } catch (...) {  // no memory, say: the exchange that the job held answers with 500 as it is let go
    }
  }
}

}  // namespace mxpath::server
