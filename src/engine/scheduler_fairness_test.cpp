// Who waits for whom, in numbers.
#include <gtest/gtest.h>

#include "engine/scheduler_for_test.h"

namespace mxpath {
namespace {

using test::FastMotion, test::question;
using test::Script;

/// Eight answers are being given when a prompt of 4,096 tokens comes: seconds of the longest step, and its chunks.
struct Beside {
  double longest_predicted = 0, longest = 0, target = 0;
  int steps = 0, off_border = 0;
};

Beside long_prompt_beside_answers(Script script, double slowness, double step_target = 0) {
  script.slowness = slowness;
  FastMotion motion(script, {.steps = {.step_target = step_target}});
  for (uint64_t i = 0; i < 8; ++i) motion.submit(question(20, 3000, i));
  for (int i = 0; i < 60; ++i) motion.scheduler->run_step();  // what steps take is known
  const RequestId id = motion.submit(question(4096, 10, 99));
  Beside out;
  motion.executor.on_step = [&](std::span<const StepPart> parts) {
    for (const StepPart& part : parts) out.off_border += part.tokens.size() > 1 && part.tokens.size() % 64 != 0;
    return Status();
  };
  while (motion.answer(id).tokens.empty() && out.steps < 5000) {
    const double begin = motion.executor.now;
    motion.scheduler->run_step();
    const StepCounts counts = motion.scheduler->counts().steps;
    EXPECT_LE(counts.predicted, counts.target);
    EXPECT_EQ(counts.decoding >= 8, true);
    out.longest_predicted = std::max(out.longest_predicted, counts.predicted);
    if (out.steps > 30) out.longest = std::max(out.longest, motion.executor.now - begin);
    out.target = counts.target, ++out.steps;
  }
  motion.scheduler->stop();
  motion.expect_empty();
  return out;
}

TEST(LongPrompt, EveryStepIsPredictedToMeetTheTarget) {
  const Beside fast = long_prompt_beside_answers({.most_sequences = 16}, 1);
  EXPECT_EQ(fast.target, 0.1);  // 18 ms of decoding: 164 tokens fit, 128 end at a border
  EXPECT_EQ(fast.steps, 32);
  EXPECT_EQ(fast.off_border, 0);
  EXPECT_LE(fast.longest_predicted, 0.1);
  const Beside slow = long_prompt_beside_answers({.step_seconds = 0.5, .read_seconds = 0.03}, 1);
  EXPECT_NEAR(slow.target, 1.016, 1e-9);
  EXPECT_LE(slow.longest, slow.target);
  const Beside given = long_prompt_beside_answers({}, 1, 0.3);
  EXPECT_EQ(given.target, 0.3);
  EXPECT_EQ(given.steps, 4096 / 512);  // 564 tokens fit beside the answers
}

TEST(LongPrompt, APlanThatIsWrongDoesNotBreakTheTarget) {
  const Beside slower = long_prompt_beside_answers({}, 3);
  EXPECT_NEAR(slower.target, 0.108, 0.001);
  EXPECT_LE(slower.longest, slower.target * 1.01);
  EXPECT_GT(slower.steps, 60);
  const Beside faster = long_prompt_beside_answers({}, 0.1);
  EXPECT_LE(faster.longest, 0.101);
  EXPECT_LT(faster.steps, 15);
}

TEST(LongPrompt, AloneItIsReadInTheLargestSteps) {
  FastMotion motion({.most_tokens = 2048});
  motion.submit(question(4096, 1));
  motion.run();
  EXPECT_EQ(motion.executor.steps, 2u);
}

double first_token_at(FastMotion& motion, RequestId id) { return motion.answer(id).times.front(); }

TEST(Fairness, AShortPromptOvertakesALongOne) {
  FastMotion motion({.most_tokens = 256});
  const RequestId large = motion.submit(question(20'000, 1, 1));
  for (int i = 0; i < 4; ++i) motion.scheduler->run_step();
  const RequestId small = motion.submit(question(128, 1, 2));
  const double before = motion.executor.now;
  motion.run();
  EXPECT_LT(first_token_at(motion, small) - before, 0.3);  // two steps
  EXPECT_GT(first_token_at(motion, large), first_token_at(motion, small));
}

/// Prompts of 256 tokens come as fast as they are read; one of 4,096 has priority once it has waited 60 seconds.
TEST(Fairness, WaitingBringsALongPromptForward) {
  FastMotion motion({.most_sequences = 64, .most_tokens = 64, .step_seconds = 1, .read_seconds = 0});
  const RequestId large = motion.submit(question(4096, 1, 1));
  uint64_t seed = 2;
  int steps = 0;
  double begun = -1;
  motion.executor.on_step = [&](std::span<const StepPart> parts) {
    for (const StepPart& part : parts)
      if (part.sequence == 1 && begun < 0) begun = motion.executor.now;
    return Status();
  };
  while (motion.answer(large).tokens.empty() && ++steps < 1000) {
    if (steps % 4 == 1) motion.submit(question(256, 1, seed++));
    motion.scheduler->run_step();
  }
  EXPECT_NEAR(begun, (4096 - 256) / 64, 8);
  EXPECT_LT(motion.executor.now, 200);
  motion.run();
  motion.expect_empty();
}

TEST(Fairness, CallersTakeTurnsInTheQueue) {
  FastMotion motion({.most_sequences = 1});
  std::vector<RequestId> order;
  const auto note = [&](const Event& event) {
    if (std::holds_alternative<Ended>(event.what)) order.push_back(event.request);
  };
  std::vector<RequestId> busy, quiet;
  for (uint64_t i = 0; i < 6; ++i) {
    Request r = question(10, 3, i, "busy");
    r.on_event = note;
    busy.push_back(motion.submit(r));
  }
  for (uint64_t i = 0; i < 2; ++i) {
    Request r = question(10, 3, i, "quiet");
    r.on_event = note;
    quiet.push_back(motion.submit(r));
  }
  Request urgent = question(10, 3, 9, "busy");
  urgent.on_event = note, urgent.priority = 5;
  const RequestId first = motion.submit(urgent);
  motion.run();
  EXPECT_EQ(order, (std::vector{first, busy[0], quiet[0], busy[1], quiet[1], busy[2], busy[3], busy[4], busy[5]}));
}

/// One caller with many prompts and one with a single, longer one share the reading.
TEST(Fairness, CallersTakeTurnsInReading) {
  FastMotion motion({.most_tokens = 64, .cached_texts = 0});
  for (uint64_t i = 0; i < 30; ++i) motion.submit(question(640, 1, i, "busy"));
  const RequestId quiet = motion.submit(question(1280, 1, 99, "quiet"));
  while (motion.answer(quiet).tokens.empty()) motion.scheduler->run_step();
  EXPECT_NEAR(static_cast<double>(motion.executor.steps), 2 * 1280 / 64, 2);
}

TEST(Fairness, ManyAnswersToOnePromptNeedNotWaitForAllThePlaces) {
  FastMotion motion({.most_sequences = 16});
  std::vector<RequestId> lasting;
  for (uint64_t i = 0; i < 11; ++i) lasting.push_back(motion.submit(question(10, 2000, i)));
  for (int i = 0; i < 5; ++i) motion.scheduler->run_step();
  Request many = question(200, 20, 99);
  many.choices = 16;
  const RequestId id = motion.submit(many), behind = motion.submit(question(10, 20));
  while (!motion.answer(id, 15).end) motion.scheduler->run_step();
  EXPECT_EQ(motion.executor.forks, 4u);  // a quarter of the places
  EXPECT_FALSE(motion.answer(lasting[0]).end);
  EXPECT_LT(motion.executor.tokens_read, 11 * 2000 / 4);  // the twelve others found the prompt in the cache
  motion.run();
  EXPECT_EQ(motion.reason(behind), EndReason::length);
  motion.expect_empty();
}

/// No caller and no length starves under a load that never ends.
TEST(Fairness, NobodyWaitsForEver) {
  FastMotion motion({.most_sequences = 8, .most_tokens = 256, .pages = 60});
  Random random(3);
  double longest = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (motion.scheduler->counts().queued_requests < 6) {
      Request r = test::mixed_request(random, random.uniform() < 0.1 ? 2000 : 100, 40);
      r.priority = 0, r.choices = 1;
      r.on_event = [&](const Event& event) {
        if (const auto* end = std::get_if<Ended>(&event.what))
          longest = std::max(longest, end->queue_seconds + end->prompt_seconds);
      };
      motion.submit(r);
    }
    motion.scheduler->run_step();
  }
  EXPECT_LT(longest, 60);
  motion.run();
  motion.expect_empty();
}

}  // namespace
}  // namespace mxpath
