#include "server/service_state.h"

#include <gtest/gtest.h>

#include <future>

#include "server/fake_exchange_for_test.h"

namespace mxpath::server {
namespace {

// It was counted until its worker had let go of it, so that the queue of a busy server was full before it was.
TEST(OnWorker, CountsARequestUntilItIsUsed) {
  // Posts run on the worker, while that still holds what it was given.
  ServiceState state(ServiceOptions(), [](const std::function<void()>& task) { task(); });
  ASSERT_TRUE(state.workers.start(1).ok());
  const auto exchange = std::make_shared<test::FakeExchange>();
  std::promise<std::pair<int, int>> counted;
  state.on_worker<int>(
      exchange, {}, true, [&state]() -> openai::Asked<int> { return state.busy.answers.load(); },
      [&](int while_made) {
        counted.set_value({while_made, state.busy.answers});
      });
  EXPECT_EQ(counted.get_future().get(), std::pair(1, 0));
  state.workers.stop();
}

TEST(OnWorker, CountsNoRequestThatIsRefused) {
  ServiceState state(ServiceOptions(), [](const std::function<void()>& task) { task(); });
  state.metrics = std::make_unique<Metrics>("m");
  ASSERT_TRUE(state.workers.start(1).ok());
  const auto exchange = std::make_shared<test::FakeExchange>();
  std::promise<void> made;
  state.on_worker<int>(
      exchange, {}, true,
      [&made]() -> openai::Asked<int> {
        made.set_value();
        return openai::own_fault("wrong");
      },
      [](int) { ADD_FAILURE() << "it was refused"; });
  made.get_future().wait();
  state.workers.stop();  // joins
  EXPECT_EQ(exchange->replies.size(), 1u);
  EXPECT_EQ(state.busy.answers, 0);
  EXPECT_EQ(state.busy.bytes, 0);
}

}  // namespace
}  // namespace mxpath::server
