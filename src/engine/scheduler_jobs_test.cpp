// Jobs between steps, the end of one answer of several, and texts that are read again for every token.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "engine/scheduler_for_test.h"

namespace mxpath {
namespace {

using test::FastMotion, test::question;

/// One step, before which a job runs that another thread waits for.
Status call(FastMotion& motion, std::function<void()> job, int64_t tokens) {
  Status status;
  std::thread caller([&] { status = motion.scheduler->call(std::move(job), tokens); });
  while (motion.scheduler->counts().waiting_calls == 0) std::this_thread::yield();
  motion.scheduler->run_step();
  caller.join();
  return status;
}

TEST(Jobs, RunBetweenSteps) {
  test::ScriptedExecutor executor;
  std::atomic<int> inside = 0, jobs = 0, together = 0, ends = 0;
  const auto alone = [&] {
    if (++inside > 1) ++together;
    std::this_thread::yield();
    --inside;
    return Status();
  };
  executor.on_step = [&](auto) { return alone(); };
  Scheduler scheduler(executor);
  ASSERT_TRUE(scheduler.start().ok());
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 20; ++i) {
        Request r = question(10, 5, 100 * t + i);
        r.on_event = [&](const Event& event) { ends += std::holds_alternative<Ended>(event.what); };
        EXPECT_TRUE(scheduler.submit(std::move(r)).ok());
        EXPECT_TRUE(scheduler.call([&] { (void)alone(), ++jobs; }, 10).ok());
      }
    });
  for (std::thread& thread : threads) thread.join();
  while (scheduler.counts().live_requests > 0) std::this_thread::yield();
  EXPECT_EQ(jobs, 160);
  EXPECT_EQ(ends, 160);
  EXPECT_EQ(together, 0);
  EXPECT_EQ(executor.problems, std::vector<std::string>());
}

TEST(Jobs, ThoseThatRunGiveWay) {
  FastMotion motion({.most_sequences = 2, .context = 1000, .pages = 20});
  const Request first = question(100, 50, 1), second = question(200, 50, 2);
  const RequestId a = motion.submit(first), b = motion.submit(second);
  for (int i = 0; i < 5; ++i) motion.scheduler->run_step();
  ASSERT_EQ(motion.executor.open_sequences(), 2u);
  int64_t pages = 0;
  const auto job = [&] {
    EXPECT_EQ(motion.executor.open_sequences(), 1u);
    pages = motion.executor.pages_free();
  };
  EXPECT_TRUE(call(motion, job, 300).ok());
  EXPECT_GE(pages, motion.executor.pages_for(300));
  EXPECT_TRUE(call(
                  motion, [&] { EXPECT_EQ(motion.executor.open_sequences(), 0u); }, 1200)
                  .ok());
  motion.run();
  EXPECT_EQ(motion.answer(a).tokens, test::answer_alone(first, 0, motion.executor.script));
  EXPECT_EQ(motion.answer(b).tokens, test::answer_alone(second, 0, motion.executor.script));
  EXPECT_EQ(motion.scheduler->counts().steps.preemptions, 3u);
  motion.expect_empty();
}

TEST(Jobs, WhatTheyThrowComesOut) {
  test::ScriptedExecutor executor;
  Scheduler scheduler(executor);
  ASSERT_TRUE(scheduler.start().ok());
  EXPECT_THROW((void)scheduler.call([] { throw std::runtime_error("no"); }, 0), std::runtime_error);
  int ran = 0;
  EXPECT_TRUE(scheduler.call([&] { ++ran; }, 0).ok());
  scheduler.stop();
  EXPECT_FALSE(scheduler.call([&] { ++ran; }, 0).ok());
  EXPECT_EQ(ran, 1);
}

TEST(Jobs, NobodyWaitsForALostExecutor) {
  test::ScriptedExecutor executor;
  executor.on_step = [](auto) -> Status { return fail("no"); };
  Scheduler scheduler(executor);
  std::atomic<int> errors = 0;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (bool ended = false; !ended;) {
        (void)scheduler.submit(question(10, 5, t));
        ended = !scheduler.call([] {}, 10).ok();
      }
      ++errors;
    });
  ASSERT_TRUE(scheduler.start().ok());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(errors, 8);
}

TEST(OneAnswer, IsCancelledAndTheOthersGoOn) {
  FastMotion motion({.most_sequences = 3});
  Request r = question(70, 30);
  r.choices = 4;  // the last waits for a place
  r.on_event = [&](const Event& event) {
    const auto* token = std::get_if<NewToken>(&event.what);
    if (token && token->index == 9 && event.choice == 1) motion.scheduler->cancel(event.request, 1);
  };
  const RequestId id = motion.submit(r);
  motion.scheduler->cancel(id, 2);  // has not begun: nothing happens
  motion.run();
  motion.scheduler->cancel(id, 0);
  EXPECT_EQ(motion.reason(id, 1), EndReason::cancelled);
  EXPECT_EQ(motion.answer(id, 1).tokens.size(), 10u);
  for (const int c : {0, 2, 3})
    EXPECT_EQ(motion.answer(id, c).tokens, test::answer_alone(r, c, motion.executor.script)) << c;
  motion.run();
  motion.expect_empty();
}

TEST(Reread, EveryTokenReadsTheWholeText) {
  FastMotion motion({.most_sequences = 2, .most_tokens = 64});
  Request r = question(100, 5);
  const RequestId kept = motion.submit(r);
  motion.run();
  r.reread = true, r.choices = 2;
  std::vector<int64_t> read;
  r.on_read = [&](int64_t tokens) { read.push_back(tokens); };
  const int64_t before = motion.executor.tokens_read;
  const RequestId id = motion.submit(r);
  motion.run();
  for (const int c : {0, 1}) EXPECT_EQ(motion.answer(id, c).tokens, test::answer_alone(r, c, motion.executor.script));
  EXPECT_EQ(motion.answer(kept).tokens, motion.answer(id, 0).tokens);
  EXPECT_EQ(motion.answer(id, 0).end->reused_tokens, 0);
  // The prompt once and its last token twice, then 101 to 104 tokens by each.
  EXPECT_EQ(motion.executor.tokens_read - before, 99 + 2 + 2 * (101 + 102 + 103 + 104));
  ASSERT_FALSE(read.empty());
  EXPECT_EQ(read.front(), 64);
  motion.expect_empty();
}

}  // namespace
}  // namespace mxpath
