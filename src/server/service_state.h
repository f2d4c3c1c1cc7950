// What the routes of a service share. Everything on the thread of the loop unless it says otherwise.
#pragma once
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/capacity.h"
#include "server/openai/responses.h"
#include "server/reasoning_memory.h"
#include "server/service.h"
#include "server/turn.h"
#include "server/workers.h"

namespace mxpath::server {

/// The model of a server, and what belongs to it. Never changes, so that workers may read it.
struct ServedModel {
  std::unique_ptr<Runtime> runtime;
  Policy policy;
  std::shared_ptr<grammar::Grammars> grammars;
  std::vector<std::string> names;  ///< the first is reported
  std::string fingerprint;         ///< changes where numbers may
  int64_t created = 0;             ///< seconds since 1970
  uint64_t parameters = 0;
  std::unique_ptr<Scheduler> scheduler;  // last: its thread runs on all above

  const Tokenizer& tokenizer() const { return *runtime->files.tokenizer; }
  ModelExecutor& executor() const { return runtime->session.executor(); }
};

/// Who asks, and when.
struct Caller {
  std::string key;        ///< "" where none is needed
  http::Headers headers;  ///< of the reply
  double arrived = 0;     ///< seconds of the steady clock
};

using ExchangePtr = std::shared_ptr<http::Exchange>;

/// What requests with a worker hold. Read and written from any thread.
struct Busy {
  std::atomic<int> requests = 0, answers = 0;  ///< answers: of them those that ask for one
  std::atomic<int64_t> bytes = 0;              ///< of their bodies
};

/// Counts a request while one lives, whatever ends it.
class BusyWith {
 public:
  BusyWith(Busy& busy, const http::Request& request, bool answer)
      : busy_(busy), bytes_(static_cast<int64_t>(request.body.size())), answer_(answer) {
    busy_.requests += 1;
    busy_.bytes += bytes_;
    if (answer_) busy_.answers += 1;
  }
  ~BusyWith() {
    handed_on();
    busy_.requests -= 1;
    busy_.bytes -= bytes_;
  }
  BusyWith(const BusyWith&) = delete;
  BusyWith& operator=(const BusyWith&) = delete;

  /// Before the scheduler counts it: for a moment nobody does, but never both.
  void handed_on() {
    if (std::exchange(answer_, false)) busy_.answers -= 1;
  }

 private:
  Busy& busy_;
  const int64_t bytes_;
  bool answer_;  // of one thread at a time
};

/// Whether all that was asked of the model ends within so many seconds; what was cancelled ends with the step that
/// runs.
bool comes_to_rest(const Scheduler& scheduler, double seconds);

struct LastStep {
  int decoding = 0, reading = 0;
  double seconds = 0;
};

struct ServiceState {
  ServiceState(ServiceOptions options_, std::function<void(std::function<void()>)> post_);

  const ServiceOptions options;
  const std::function<void(std::function<void()>)> post;  ///< from any thread
  std::atomic<bool> draining = false;
  std::function<http::Counts()> http_counts;

  std::unique_ptr<ServedModel> model;  ///< null: it is being loaded
  std::unique_ptr<Metrics> metrics;
  Outbox outbox;
  Workers workers;
  std::set<std::shared_ptr<Turn>> turns;
  Busy busy;

  ReasoningMemory reasoning;  ///< from any thread
  std::mutex responses_mutex;
  openai::ResponseStore responses;  ///< with the mutex

  LastStep last_step;
  std::atomic<int64_t> pages_free = 0;
  uint64_t steps_seen = 0;
  double step_seen_at = 0;  ///< when steps_seen last changed, or nothing waited

  /// Makes something of a request on a worker, then uses it on the thread of the loop. What is thrown, as where no
  /// memory is left, is an error of the request.
  template <class T>
  void on_worker(const ExchangePtr& exchange, const Caller& caller, bool answer,
                 std::function<openai::Asked<T>(BusyWith&)> make, std::function<void(T)> use);

  void send(const ExchangePtr& exchange, const Caller& caller, http::Reply reply);
  void send(const ExchangePtr& exchange, const Caller& caller, const Json& body, int status = 200);
  void refuse(const ExchangePtr& exchange, const Caller& caller, const openai::ApiError& error);
  void log(const http::Request& request, int status, double arrived, std::string_view more = "");
  /// What runs and waits now, without a prompt.
  Occupancy occupancy() const;
  /// Looks whether steps end while work waits; a few times a second.
  void watch_steps(double now);
  /// Why the model answers nothing now; "": it does.
  std::string why_unwell() const;
};

template <class T>
void ServiceState::on_worker(const ExchangePtr& exchange, const Caller& caller, bool answer,
                             std::function<openai::Asked<T>(BusyWith&)> make, std::function<void(T)> use) {
  auto counted = std::make_shared<BusyWith>(busy, exchange->request(), answer);
  workers.put(
      [this, exchange, caller, make = std::move(make), use = std::move(use), counted = std::move(counted)]() mutable {
        auto made = [&]() -> openai::Asked<T> {
          try {
            return make(*counted);
          } catch (const std::exception& thrown) {
            return openai::own_fault(thrown.what());
          }
        }();
        // It leaves the worker, which may be slow to end.
        post([this, exchange, caller, use, counted = std::move(counted),
              made = std::make_shared<openai::Asked<T>>(std::move(made))]() mutable {
          counted.reset();
          if (!made->ok()) return refuse(exchange, caller, made->error());
          use(std::move(**made));
        });
      });
}

}  // namespace mxpath::server
