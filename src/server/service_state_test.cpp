#include "server/service_state.h"

#include <gtest/gtest.h>

#include <future>

#include "server/fake_exchange_for_test.h"

namespace mxpath::server {
namespace {

// It was counted until the loop used what a worker had made, and by the scheduler as well: the queue of a busy server
// was full before it was.
TEST(OnWorker, CountsARequestUntilItIsHandedOn) {
  ServiceState state(ServiceOptions(), [](const std::function<void()>& task) { task(); });
  ASSERT_TRUE(state.workers.start(1).ok());
  const auto exchange = std::make_shared<test::FakeExchange>();
  std::promise<std::vector<int>> counted;
  state.on_worker<int>(
      exchange, {}, true,
      [&state](BusyWith& it) -> openai::Asked<int> {
        const int before = state.busy.answers;
        it.handed_on();
        EXPECT_EQ(state.busy.answers, 0);
        EXPECT_EQ(state.busy.requests, 1) << "a server that ends waits for it";
        return before;
      },
      [&](int before) {
        counted.set_value({before, state.busy.answers, state.busy.requests});
      });
  EXPECT_EQ(counted.get_future().get(), (std::vector{1, 0, 0}));
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
      [&made](BusyWith&) -> openai::Asked<int> {
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
