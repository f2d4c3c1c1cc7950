// A step that does not end: the server says so, and ends all the same when it is told to.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "engine/scripted_executor.h"
#include "server/fake_exchange_for_test.h"
#include "server/routes.h"

namespace mxpath::server {
namespace {

using test::FakeExchange;
using test::ScriptedExecutor;

/// Steps that wait until they are let go.
class Gate {
 public:
  Status wait() {
    std::unique_lock lock(mutex_);
    reached_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return {};
  }
  void until_reached() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return reached_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false, open_ = false;
};

int health_of(ServiceState& state) {
  const auto exchange = std::make_shared<FakeExchange>();
  health(state, exchange, {});
  return exchange->replies.at(0).status;
}

// Nothing told a supervisor, and the process waited for the step for ever.
TEST(Stuck, IsToldAndEndedAllTheSame) {
  Gate gate;
  ScriptedExecutor executor;
  executor.on_step = [&gate](auto) { return gate.wait(); };
  ServiceState state(ServiceOptions(), [](std::function<void()>) {});
  state.model = std::make_unique<ServedModel>();
  state.model->scheduler = std::make_unique<Scheduler>(executor);
  Scheduler& scheduler = *state.model->scheduler;
  ASSERT_TRUE(scheduler.start().ok());
  state.watch_steps(seconds_now());
  EXPECT_EQ(health_of(state), 200) << "nothing waits";

  Request request;
  request.prompt = {1, 2, 3};
  request.on_event = [](const Event&) {};
  const auto id = scheduler.submit(std::move(request));
  ASSERT_TRUE(id.ok());
  gate.until_reached();
  state.watch_steps(seconds_now());
  EXPECT_EQ(health_of(state), 200) << "a step may take its time";
  state.watch_steps(seconds_now());
  state.step_seen_at -= state.options.stuck_seconds + 1;
  state.watch_steps(seconds_now());
  EXPECT_EQ(health_of(state), 503);
  EXPECT_NE(state.why_unwell().find("no step has ended for 6"), std::string::npos) << state.why_unwell();

  scheduler.cancel(*id);
  EXPECT_FALSE(comes_to_rest(scheduler, 0.05));
  gate.open();
  EXPECT_TRUE(comes_to_rest(scheduler, 30));
  state.watch_steps(seconds_now());
  EXPECT_EQ(health_of(state), 200);
  scheduler.stop();
}

}  // namespace
}  // namespace mxpath::server
