// A great many requests, and many threads at once: nothing is lost, nothing sticks.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/sanitized_for_test.h"
#include "base/text.h"
#include "engine/scheduler_for_test.h"

namespace mxpath {
namespace {

using test::FastMotion;
using test::Script;

/// What a storm hears of a request: a sum over its tokens, so that a million fit.
struct Tally {
  uint64_t joined = 0, ended = 0, wrong = 0, cancelled = 0;
};

/// A short request whose answers are compared with what they are alone, unless it is cancelled.
Request short_request(Random& random) {
  Request r;
  r.prompt = test::some_text(random, random.integer(1, random.uniform() < 0.02 ? 200 : 4));
  // A few have no bound, so that pages run out: their stop token comes after a hundred others or so.
  r.max_new_tokens = random.uniform() < 0.06 ? 0 : static_cast<int>(random.integer(1, 3));
  if (r.max_new_tokens == 0) r.stop_tokens = {1};
  r.sampling.seed = random.next();
  r.priority = random.uniform() < 0.1 ? 1 : 0;
  r.key = std::string(1, static_cast<char>('a' + random.integer(0, 2)));
  r.choices = random.uniform() < 0.1 ? 2 : 1;
  return r;
}

TEST(Storm, AMillionJoinsLeavesForksAndPreemptions) {
  const uint64_t joins = sanitized ? 20'000 : 1'000'000;
  Script script{.most_sequences = 64, .context = 400, .most_tokens = 512, .vocab = 100, .pages = 40, .cached_texts = 6};
  test::ScriptedExecutor executor(script);
  SchedulerOptions options{.steps = {.answer_reserve = 16, .now = [&] { return executor.now; }}};
  Scheduler scheduler(executor, options);
  Random random(11);
  Tally tally;
  while (tally.joined < joins) {
    for (int i = 0; i < 40 && tally.joined < joins; ++i) {
      Request r = short_request(random);
      const bool check = random.uniform() < 0.05;
      auto expected = std::make_shared<std::vector<std::vector<int32_t>>>();
      for (int c = 0; check && c < r.choices; ++c) expected->push_back(test::answer_alone(r, c, script));
      r.on_event = [&tally, expected, check](const Event& event) {
        if (const auto* end = std::get_if<Ended>(&event.what)) {
          tally.ended += end->last;
          tally.cancelled += end->reason == EndReason::cancelled;
          tally.wrong += end->reason == EndReason::error;
        } else if (const auto& token = std::get<NewToken>(event.what); check) {
          const auto& right = (*expected)[static_cast<size_t>(event.choice)];
          tally.wrong += static_cast<size_t>(token.index) >= right.size() ||
                         right[static_cast<size_t>(token.index)] != token.token;
        }
      };
      const auto id = scheduler.submit(std::move(r));
      ASSERT_TRUE(id.ok()) << id.error().message;
      ++tally.joined;
      if (random.uniform() < 0.1) scheduler.cancel(*id - static_cast<RequestId>(random.integer(0, 30)));
    }
    while (scheduler.counts().queued_requests > 40) scheduler.run_step();
  }
  for (int steps = 0; scheduler.run_step(); ++steps) ASSERT_LT(steps, 10'000) << "something is stuck";
  const StepCounts counts = scheduler.counts().steps;
  EXPECT_EQ(tally.ended, joins);
  EXPECT_EQ(tally.wrong, 0u);
  EXPECT_GT(tally.cancelled, joins / 100);
  EXPECT_GT(counts.preemptions, joins / 1000);
  EXPECT_GT(counts.forks, joins / 100);
  EXPECT_EQ(executor.problems, std::vector<std::string>());
  EXPECT_EQ(executor.open_sequences(), 0u);
  executor.clear_cache();
  EXPECT_EQ(executor.used_pages(), 0);
}

/// Eight threads submit and cancel while the scheduler's own runs, some from events; a step fails now and then.
TEST(Storm, EightThreadsSubmitAndCancel) {
  const int each = sanitized ? 400 : 3000;
  test::ScriptedExecutor executor(
      {.most_sequences = 16, .context = 500, .most_tokens = 128, .vocab = 100, .pages = 30});
  int steps = 0;
  executor.on_step = [&](auto) { return ++steps % 97 == 0 ? Status(fail("a hiccup")) : Status(); };
  Scheduler scheduler(executor, {.most_queued = 200, .steps = {.answer_reserve = 16}});
  ASSERT_TRUE(scheduler.start().ok());
  std::atomic<int> taken = 0, refused = 0, ended = 0;
  const auto caller = [&](uint64_t seed) {
    Random random(seed);
    std::vector<RequestId> mine;
    for (int i = 0; i < each; ++i) {
      Request r = short_request(random);
      const bool regrets = random.uniform() < 0.1;
      r.on_event = [&, regrets](const Event& event) {
        if (const auto* end = std::get_if<Ended>(&event.what)) ended += end->last ? 1 : 0;
        else if (regrets) scheduler.cancel(event.request);
      };
      const auto id = scheduler.submit(std::move(r));
      if (!id.ok()) {
        ++refused;
        std::this_thread::yield();
        continue;
      }
      ++taken;
      mine.push_back(*id);
      if (random.uniform() < 0.3) scheduler.cancel(mine[static_cast<size_t>(random.integer(0, std::ssize(mine) - 1))]);
    }
  };
  std::vector<std::thread> callers;
  for (uint64_t t = 0; t < 8; ++t) callers.emplace_back(caller, t);
  for (auto& thread : callers) thread.join();
  while (scheduler.counts().live_requests > 20) std::this_thread::yield();
  scheduler.stop();  // with some left
  EXPECT_EQ(ended, taken);
  EXPECT_EQ(taken + refused, 8 * each);
  EXPECT_GT(taken, each);
  EXPECT_EQ(executor.problems, std::vector<std::string>());
  EXPECT_EQ(executor.open_sequences(), 0u);
  executor.clear_cache();
  EXPECT_EQ(executor.used_pages(), 0);
}

/// The thread sleeps while nothing is asked, and wakes for what comes.
TEST(Storm, SleepsAndWakes) {
  test::ScriptedExecutor executor;
  Scheduler scheduler(executor);
  ASSERT_TRUE(scheduler.start().ok());
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> done = false;
    Request r;
    r.prompt = {1, 2, 3}, r.max_new_tokens = 2;
    r.on_event = [&](const Event& event) { done = std::holds_alternative<Ended>(event.what); };
    ASSERT_TRUE(scheduler.submit(std::move(r)).ok());
    while (!done) std::this_thread::yield();
  }
  const uint64_t steps = scheduler.counts().steps.steps;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(scheduler.counts().live_requests, 0);
  EXPECT_LE(scheduler.counts().steps.steps, steps + 1);
}

}  // namespace
}  // namespace mxpath
