#include "engine/scheduler.h"

#include <algorithm>
#include <system_error>

#include "base/text.h"

namespace mxpath {

Scheduler::Scheduler(Executor& executor, SchedulerOptions options) : executor_(executor), options_(std::move(options)) {
  StepLoopHooks hooks{[this](RequestId id) { return is_cancelled(id); }, [this](RequestId id) { forget(id); }};
  loop_ = std::make_unique<StepLoop>(executor, options_.steps, std::move(hooks));
}

Scheduler::~Scheduler() { stop(); }

Result<RequestId> Scheduler::submit(Request request, NotTaken* why) {
  const auto no = [why](NotTaken reason, Error error) {
    if (why) *why = reason;
    return error;
  };
  if (auto right = check_request(request, executor_, options_.steps.answer_reserve); !right.ok())
    return no(NotTaken::wrong, std::move(right).error());
  std::unique_lock lock(mutex_);
  if (ended_) return no(NotTaken::ended, *ended_);
  if (static_cast<int>(live_.size()) - counts_.begun_requests >= options_.most_queued)
    return no(NotTaken::queue_full,
              fail("{} wait already, which is the most; try again later", plural(options_.most_queued, "request")));
  const RequestId id = next_id_++;
  live_.emplace(id, false);
  arrivals_.emplace_back(id, std::move(request));
  lock.unlock();
  news_.notify_one();
  return id;
}

void Scheduler::cancel(RequestId id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(id);
    if (found == live_.end() || std::exchange(found->second, true)) return;
    cancels_.push_back({id});
  }
  news_.notify_one();
}

void Scheduler::cancel(RequestId id, int choice) {
  {
    const std::lock_guard lock(mutex_);
    if (!live_.contains(id)) return;
    cancels_.push_back({id, choice});
  }
  news_.notify_one();
}

Status Scheduler::call(std::function<void()> job, int64_t tokens) {
  Job mine{std::move(job), tokens};
  std::unique_lock lock(mutex_);
  if (ended_) return *ended_;
  jobs_.push_back(&mine);
  news_.notify_one();
  job_over_.wait(lock, [&] { return mine.over; });
  if (mine.thrown) std::rethrow_exception(mine.thrown);
  return mine.ran ? Status() : *ended_;
}

/// One for each step, so that neither waits for many of the other.
void Scheduler::run_job() {
  Job* job = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty() || ended_) return;
    job = jobs_.front();
    jobs_.pop_front();
  }
  std::exception_ptr thrown;
  try {
    loop_->make_room(job->tokens);
    job->run();
  } catch (...) {
    thrown = std::current_exception();
  }
  {
    const std::lock_guard lock(mutex_);
    job->ran = job->over = true, job->thrown = std::move(thrown);
  }
  job_over_.notify_all();
}

/// Those that will never run.
void Scheduler::end_jobs() {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) return;
    for (Job* job : jobs_) job->over = true;
    jobs_.clear();
  }
  job_over_.notify_all();
}

bool Scheduler::is_cancelled(RequestId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(id);
  return found != live_.end() && found->second;
}

void Scheduler::forget(RequestId id) {
  const std::lock_guard lock(mutex_);
  live_.erase(id);
}

void Scheduler::take_news() {
  std::vector<std::pair<RequestId, Request>> arrivals;
  std::vector<Cancel> cancels;
  {
    const std::lock_guard lock(mutex_);
    arrivals.swap(arrivals_), cancels.swap(cancels_);
  }
  for (auto& [id, request] : arrivals) loop_->add(id, std::move(request));
  for (const auto [id, choice] : cancels) choice < 0 ? loop_->cancel(id) : loop_->cancel(id, choice);
}

bool Scheduler::run_step() {
  take_news();
  run_job();
  const bool more = loop_->step();
  {
    const std::lock_guard lock(mutex_);
    counts_ = loop_->counts();
    // What came while the executor was lost ends with the same error in the step after.
    if (loop_->dead() && !ended_) ended_ = loop_->dead();
  }
  end_jobs();
  const std::lock_guard lock(mutex_);
  return more || !arrivals_.empty() || !jobs_.empty();
}

Status Scheduler::start() {
  if (thread_.joinable()) return {};
  try {
    thread_ = std::thread(&Scheduler::work, this);
  } catch (const std::system_error&) {
    return fail("the system starts no thread for the model; end other programs, or raise the limit of threads");
  }
  return {};
}

void Scheduler::work() {
  for (bool more = false;;) {
    {
      std::unique_lock lock(mutex_);
      news_.wait(lock, [&] { return more || stop_ || !arrivals_.empty() || !cancels_.empty() || !jobs_.empty(); });
      if (stop_) break;
    }
    more = run_step();
  }
}

void Scheduler::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    if (!ended_) ended_ = fail("the model has been stopped and takes no more requests");
  }
  news_.notify_all();
  if (thread_.joinable()) thread_.join();
  end_jobs();
  take_news();
  loop_->end_all(EndReason::cancelled);
}

SchedulerCounts Scheduler::counts() const {
  const std::lock_guard lock(mutex_);
  SchedulerCounts out{counts_, static_cast<int>(live_.size()), 0, static_cast<int>(jobs_.size())};
  out.queued_requests = std::max(0, out.live_requests - counts_.begun_requests);
  return out;
}

std::optional<Error> Scheduler::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

}  // namespace mxpath
