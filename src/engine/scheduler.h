// Many requests on one model: asked from any thread, answered step by step.
#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/request.h"
#include "engine/step_loop.h"

namespace mxpath {

struct SchedulerOptions {
  int most_queued = 4096;  ///< requests that wait for their first place
  StepLoopOptions steps = {};
};

/// Why submit took no request.
enum class NotTaken : uint8_t {
  wrong,       ///< it can never run: check_request
  queue_full,  ///< worth another try later
  ended,       ///< the scheduler was stopped, or its executor is lost
};

/// Counts of now, for a report.
struct SchedulerCounts {
  StepCounts steps;
  int live_requests = 0;    ///< submitted and not ended
  int queued_requests = 0;  ///< those of them without a place
  int waiting_calls = 0;    ///< jobs that have not begun
};

/// Requests are checked where they are submitted and run where the steps run: on a thread of the scheduler's own
/// (start), or where run_step is called. A request hears the end of each of its answers exactly once, and nothing of it
/// is left then.
class Scheduler {
 public:
  /// The executor must outlive the scheduler.
  explicit Scheduler(Executor& executor, SchedulerOptions options = {});
  ~Scheduler();  ///< as stop()
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// From any thread. Errors: those of check_request; the queue is full; the scheduler has ended. `why` says which.
  Result<RequestId> submit(Request request, NotTaken* why = nullptr);
  /// From any thread: no step that begins later reads or tells anything of the request but its end. Nothing happens
  /// where it has ended.
  void cancel(RequestId id);
  /// From any thread: the same for one of its answers, which may still tell the token of the step that runs. Nothing
  /// happens where it has told none yet.
  void cancel(RequestId id, int choice);
  /// From any thread but that of the steps: runs the job between two steps, where the executor is its alone, and
  /// returns when it has ended. Before, sequences that run give way until a text of `tokens` can be opened. What the
  /// job throws comes out here. Error: the scheduler has ended.
  Status call(std::function<void()> job, int64_t tokens);

  /// One step, on the calling thread; not while the scheduler's own runs. False: nothing was left to do.
  bool run_step();
  /// Runs steps on a thread that sleeps while there is nothing to do. Error: the system starts no thread.
  Status start();
  /// Lets the step end that runs, then ends all requests as cancelled. For good: submit returns an error from now on.
  /// Not from on_event.
  void stop();

  SchedulerCounts counts() const;
  /// Why nothing is taken any more: it was stopped, or its executor is lost. None: it goes on.
  std::optional<Error> ended() const;

 private:
  struct Cancel {
    RequestId id = 0;
    int choice = -1;  // -1: all
  };
  struct Job {
    std::function<void()> run;
    int64_t tokens = 0;
    bool ran = false, over = false;
    std::exception_ptr thrown = {};
  };
  bool is_cancelled(RequestId id) const;
  void forget(RequestId id);
  void take_news();
  void run_job();
  void end_jobs();
  void work();

  Executor& executor_;
  const SchedulerOptions options_;
  std::unique_ptr<StepLoop> loop_;
  std::thread thread_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable news_, job_over_;
  std::vector<std::pair<RequestId, Request>> arrivals_;
  std::vector<Cancel> cancels_;
  std::deque<Job*> jobs_;                     // of threads that wait for them
  std::unordered_map<RequestId, bool> live_;  // whether it was cancelled
  RequestId next_id_ = 1;
  StepCounts counts_;
  std::optional<Error> ended_;  // why nothing is taken any more
  bool stop_ = false;
};

}  // namespace mxpath
