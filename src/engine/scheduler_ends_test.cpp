// Cancellation and errors: what ends a request before its time, and what goes on.
#include <gtest/gtest.h>

#include <thread>

#include "base/text.h"
#include "engine/scheduler_for_test.h"

namespace mxpath {
namespace {

using test::FastMotion, test::question;
using test::Script;

/// Cancels request 2 of three after `steps` steps: its end is heard in the next, which reads nothing of it.
void cancel_after(int steps, int choices, size_t answered) {
  SCOPED_TRACE(steps);
  FastMotion motion({.most_sequences = 8, .most_tokens = 64});
  Request first = question(100, 50, 1), second = question(200, 50, 2);
  second.choices = choices;
  const RequestId a = motion.submit(first), b = motion.submit(second), c = motion.submit(first);
  for (int i = 0; i < steps; ++i) motion.scheduler->run_step();
  EXPECT_EQ(motion.answer(b).tokens.size() > 0, answered > 0);
  const size_t before = motion.answer(b).tokens.size();
  motion.scheduler->cancel(b);
  motion.scheduler->cancel(b);
  motion.scheduler->run_step();
  for (int i = 0; i < choices; ++i) {
    EXPECT_EQ(motion.reason(b, i), EndReason::cancelled);
    EXPECT_EQ(motion.answer(b, i).end->last, i == choices - 1);
  }
  EXPECT_EQ(motion.answer(b).tokens.size(), before);
  motion.run();
  for (const RequestId id : {a, c})
    EXPECT_EQ(motion.answer(id).tokens, test::answer_alone(first, 0, motion.executor.script));
  motion.expect_empty();
}

TEST(Cancel, BeforeAnyStep) { cancel_after(0, 1, 0), cancel_after(0, 4, 0); }
TEST(Cancel, WhileThePromptIsRead) { cancel_after(4, 1, 0), cancel_after(4, 4, 0); }
TEST(Cancel, WhileItIsAnswered) { cancel_after(20, 1, 1), cancel_after(20, 4, 1); }

TEST(Cancel, InTheQueue) {
  FastMotion motion({.most_sequences = 1});
  const RequestId running = motion.submit(question(10, 50)), waiting = motion.submit(question(10, 50));
  for (int i = 0; i < 5; ++i) motion.scheduler->run_step();
  motion.scheduler->cancel(waiting);
  motion.scheduler->run_step();
  EXPECT_EQ(motion.reason(waiting), EndReason::cancelled);
  EXPECT_EQ(motion.answer(waiting).end->prompt_seconds, 0);
  EXPECT_GT(motion.answer(waiting).end->queue_seconds, 0);
  motion.run();
  EXPECT_EQ(motion.reason(running), EndReason::length);
  motion.expect_empty();
}

/// Of one sequence and four answers: one runs, three wait.
TEST(Cancel, AnswersThatWaitForAPlace) {
  FastMotion motion({.most_sequences = 1});
  Request r = question(10, 50);
  r.choices = 4;
  const RequestId id = motion.submit(r);
  for (int i = 0; i < 70; ++i) motion.scheduler->run_step();
  EXPECT_EQ(motion.reason(id, 0), EndReason::length);
  motion.scheduler->cancel(id);
  motion.scheduler->run_step();
  for (int i = 1; i < 4; ++i) EXPECT_EQ(motion.reason(id, i), EndReason::cancelled);
  motion.run();
  motion.expect_empty();
}

TEST(Cancel, DuringAStepAndFromItsOwnEvent) {
  FastMotion motion;
  Request r = question(10, 50);
  r.choices = 3;
  r.on_event = [&](const Event& event) {
    if (const auto* token = std::get_if<NewToken>(&event.what); token && token->index == 4 && event.choice == 1)
      motion.scheduler->cancel(event.request);
  };
  const RequestId id = motion.submit(r), other = motion.submit(question(10, 8));
  motion.executor.on_step = [&](auto) {
    if (motion.answer(other).tokens.size() == 6) motion.scheduler->cancel(other);
    return Status();
  };
  motion.run();
  EXPECT_EQ(motion.answer(id, 0).tokens.size(), 5u);
  EXPECT_EQ(motion.answer(id, 1).tokens.size(), 5u);
  EXPECT_EQ(motion.answer(id, 2).tokens.size(), 4u);
  EXPECT_EQ(motion.answer(other).tokens.size(), 6u);
  EXPECT_EQ(motion.reason(other), EndReason::cancelled);
  motion.expect_empty();
}

TEST(Errors, OfASampleEndTheOneConcerned) {
  FastMotion motion;
  Request bad = question(10, 50, 66);
  bad.choices = 2;
  for (const uint64_t choice : {0u, 1u}) {
    motion.executor.on_token = [choice](const SampleChoice& c, int32_t token) {
      return c.options.seed == 66 && c.choice == choice && c.index == 7 ? Sampled::not_finite : token;
    };
    const RequestId b = motion.submit(bad), good = motion.submit(question(10, 50));
    motion.run();
    for (const int i : {0, 1})
      EXPECT_EQ(motion.answer(b, i).end->error.message, "the logits at position 16 of the text are not finite numbers");
    EXPECT_EQ(motion.answer(b, 0).tokens.size() + motion.answer(b, 1).tokens.size(), choice == 0 ? 14u : 15u);
    EXPECT_EQ(motion.reason(good), EndReason::length);
  }
  motion.executor.on_token = [](const SampleChoice&, int32_t) { return Sampled::nothing_allowed; };
  const RequestId nothing = motion.submit(question(10, 50));
  motion.run();
  EXPECT_EQ(motion.answer(nothing).end->error.message, "nothing may follow token 0 of the answer");
  motion.expect_empty();
}

TEST(Errors, OfAStepEndThoseInItAndTheLoopGoesOn) {
  FastMotion motion({.most_sequences = 2});
  const RequestId a = motion.submit(question(10, 50, 1)), b = motion.submit(question(10, 50, 2)),
                  c = motion.submit(question(10, 50, 3));
  int calls = 0;
  motion.executor.on_step = [&](auto) { return ++calls == 5 ? Status(fail("the cable is out")) : Status(); };
  motion.run();
  EXPECT_EQ(motion.answer(a).end->error.message, "the cable is out");
  EXPECT_EQ(motion.reason(b), EndReason::error);
  EXPECT_EQ(motion.reason(c), EndReason::length);
  EXPECT_EQ(motion.scheduler->counts().steps.failed_steps, 1u);
  motion.expect_empty();
}

TEST(Errors, OfOpeningEndTheOneConcerned) {
  FastMotion motion;
  motion.executor.on_open = [](std::span<const int32_t> text) {
    return text.size() == 11 ? Status(fail("no")) : Status();
  };
  Request r = question(11, 5);
  r.choices = 3;
  const RequestId bad = motion.submit(r), good = motion.submit(question(12, 5));
  motion.run();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(motion.answer(bad, i).end->error.message, "no");
  EXPECT_EQ(motion.reason(good), EndReason::length);
  motion.expect_empty();
}

TEST(Errors, ThreeStepsInARowAndTheExecutorIsLost) {
  FastMotion motion({.most_sequences = 2});
  std::vector<RequestId> ids;
  for (uint64_t i = 0; i < 9; ++i) ids.push_back(motion.submit(question(10, 50, i)));
  // One that comes while the others hear that it is lost: no step is tried for it.
  Request late = question(10, 50);
  late.on_event = [&](const Event&) { ids.push_back(motion.submit(question(10, 50))); };
  ids.push_back(motion.submit(late));
  motion.executor.on_step = [&](auto) { return Status(fail("the GPU fell off the bus")); };
  motion.run();
  for (const RequestId id : ids) EXPECT_EQ(motion.reason(id), EndReason::error);
  EXPECT_EQ(motion.answer(ids[0]).end->error.message, "the GPU fell off the bus");
  const std::string lost =
      "3 steps failed one after the other, the last because the GPU fell off the bus; load the model again";
  EXPECT_EQ(motion.answer(ids[8]).end->error.message, lost);
  NotTaken why = NotTaken::wrong;
  EXPECT_EQ(motion.try_submit(question(10, 50), &why).error().message, lost);
  EXPECT_EQ(why, NotTaken::ended);
  EXPECT_EQ(motion.executor.steps, 3u);
  motion.expect_empty();
}

TEST(Stop, EndsWhatThereIsAndTakesNothingMore) {
  FastMotion motion({.most_sequences = 2});
  std::vector<RequestId> ids;
  for (uint64_t i = 0; i < 5; ++i) ids.push_back(motion.submit(question(10, 50, i)));
  for (int i = 0; i < 10; ++i) motion.scheduler->run_step();
  ids.push_back(motion.submit(question(10, 50)));
  motion.scheduler->stop();
  for (const RequestId id : ids) EXPECT_EQ(motion.reason(id), EndReason::cancelled);
  NotTaken why = NotTaken::wrong;
  EXPECT_FALSE(motion.try_submit(question(10, 50), &why).ok());
  EXPECT_EQ(why, NotTaken::ended);
  motion.expect_empty();
}

}  // namespace
}  // namespace mxpath
