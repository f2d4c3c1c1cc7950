#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include "base/hint.h"
#include "engine/scheduler_for_test.h"

namespace mxpath {
namespace {

using test::FastMotion, test::question;

/// Submits all at once and compares each answer with what the request gets alone.
void expect_as_alone(FastMotion& motion, const std::vector<Request>& requests) {
  std::vector<RequestId> ids;
  for (const Request& r : requests) ids.push_back(motion.submit(r));
  motion.run();
  for (size_t i = 0; i < requests.size(); ++i)
    for (int c = 0; c < requests[i].choices; ++c)
      EXPECT_EQ(motion.answer(ids[i], c).tokens, test::answer_alone(requests[i], c, motion.executor.script)) << i;
  motion.expect_empty();
}

class Batches : public testing::TestWithParam<int> {};

TEST_P(Batches, EachGetsWhatItGetsAlone) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Random random(seed);
    std::vector<Request> requests;
    for (int i = 0; i < GetParam(); ++i) requests.push_back(test::mixed_request(random, 700, 90));
    FastMotion roomy({.most_tokens = 512});
    expect_as_alone(roomy, requests);
    FastMotion narrow({.most_sequences = 5, .most_tokens = 100, .pages = 40, .cached_texts = 3});
    expect_as_alone(narrow, requests);
  }
}
INSTANTIATE_TEST_SUITE_P(Scheduler, Batches, testing::Values(1, 2, 7, 64));

TEST(Scheduler, ThePromptIsReadOnceForAllItsAnswers) {
  FastMotion motion({.cached_texts = 0});
  Request r = question(1000, 10);
  r.choices = 8;
  const RequestId id = motion.submit(r);
  motion.run();
  EXPECT_EQ(motion.executor.forks, 7u);
  EXPECT_EQ(motion.executor.tokens_read, 999 + 8 * 10);  // the last token of the prompt by each; the last answered, not
  for (int c = 0; c < 8; ++c) EXPECT_EQ(motion.answer(id, c).end->last, c == 7);
  EXPECT_NE(motion.answer(id, 0).tokens, motion.answer(id, 1).tokens);
  motion.expect_empty();
}

TEST(Scheduler, PreemptedEqualsUndisturbed) {
  std::vector<Request> requests;
  for (uint64_t i = 0; i < 16; ++i) {
    requests.push_back(question(40, 0, i + 1));
    requests.back().stop_tokens = {7};
    requests.back().choices = i % 2 == 0 ? 1 : 2;
  }
  FastMotion motion({.context = 2000, .pages = 36, .cached_texts = 2}, {.steps = {.answer_reserve = 64}});
  expect_as_alone(motion, requests);
  EXPECT_GT(motion.scheduler->counts().steps.preemptions, 3u);
}

TEST(Scheduler, WhereTheYoungestGivesWayTheOldestIsNeverDisturbed) {
  FastMotion motion({.context = 4000, .pages = 40, .cached_texts = 0}, {.steps = {.answer_reserve = 64}});
  const RequestId old = motion.submit(question(500, 0, 1));
  Request important = question(500, 0, 3);
  important.priority = 1;
  const RequestId young = motion.submit(question(500, 0, 2)), first = motion.submit(important);
  motion.run();
  const auto longest_pause = [&](RequestId id) {
    double pause = 0;
    const auto& times = motion.answer(id).times;
    for (size_t i = 1; i < times.size(); ++i) pause = std::max(pause, times[i] - times[i - 1]);
    return pause;
  };
  EXPECT_LT(longest_pause(first), 0.2);
  EXPECT_GT(longest_pause(old), 10);
  EXPECT_GT(longest_pause(young), 10);
  EXPECT_LT(motion.answer(old).times.back(), motion.answer(young).times.back());
  for (const RequestId id : {old, young, first}) EXPECT_EQ(motion.reason(id), EndReason::context);
  motion.expect_empty();
}

/// Whoever writes on without a bound has pages put by for the next stretch, again and again.
TEST(Scheduler, PagesArePutByForTheRestOfAnAnswer) {
  FastMotion motion({.context = 1100, .pages = 30}, {.steps = {.answer_reserve = 640}});
  const RequestId first = motion.submit(question(10, 0));
  while (motion.answer(first).tokens.size() < 700) motion.scheduler->run_step();
  const RequestId second = motion.submit(question(640, 200));  // 15 pages; 19 are free, of which 7 are put by
  motion.scheduler->run_step();
  EXPECT_EQ(motion.scheduler->counts().steps.running, 1);
  motion.run();
  EXPECT_EQ(motion.reason(second), EndReason::length);
  EXPECT_EQ(motion.scheduler->counts().steps.preemptions, 0u);
  motion.expect_empty();
}

TEST(Scheduler, ReasonsAndCounts) {
  FastMotion motion({.context = 300});
  Request r = question(100, 0);
  const RequestId context = motion.submit(r);
  r.max_new_tokens = 5;
  const RequestId length = motion.submit(r);
  r.stop_tokens = {test::answer_alone(r, 0, motion.executor.script)[2]};
  const RequestId stop = motion.submit(r);
  motion.run();
  EXPECT_EQ(motion.reason(context), EndReason::context);
  EXPECT_EQ(motion.answer(context).tokens.size(), 200u);
  EXPECT_EQ(motion.reason(length), EndReason::length);
  EXPECT_EQ(motion.answer(length).tokens.size(), 5u);
  EXPECT_EQ(motion.reason(stop), EndReason::stop_token);
  EXPECT_EQ(motion.answer(stop).tokens.size(), 3u);
  const RequestId again = motion.submit(r);
  motion.run();
  EXPECT_EQ(motion.answer(again).end->prompt_tokens, 100);
  EXPECT_EQ(motion.answer(again).end->reused_tokens, 99);
  EXPECT_GT(motion.answer(again).end->prompt_seconds, 0);
  EXPECT_GT(motion.answer(again).end->answer_seconds, 0);
  r.salt = 1;
  const RequestId salted = motion.submit(r);
  motion.run();
  EXPECT_EQ(motion.answer(salted).end->reused_tokens, 0);
  motion.expect_empty();
}

/// The turn after: the prompt and the answer before it are there already.
TEST(Scheduler, KeepsThePromptAndTheAnswer) {
  FastMotion motion;
  Request r = question(100, 30);
  const RequestId id = motion.submit(r);
  motion.run();
  const auto& answer = motion.answer(id).tokens;
  r.prompt.insert(r.prompt.end(), answer.begin(), answer.end());
  r.prompt.push_back(5);
  const RequestId next = motion.submit(r);
  motion.run();
  EXPECT_EQ(motion.answer(next).end->reused_tokens, 129);  // the last answered token was never read
}

TEST(Scheduler, MasksAndLikelyTokens) {
  FastMotion motion;
  Request r = question(10, 50);
  std::vector<uint32_t> mask(32);
  r.top = 3;
  r.mask = [&](int, std::span<const int32_t> answer) {
    std::ranges::fill(mask, 0u);
    mask[answer.size() / 32] = 1u << answer.size() % 32;
    return mask.data();
  };
  size_t likely = 0;
  r.on_event = [&](const Event& event) {
    if (const auto* token = std::get_if<NewToken>(&event.what)) likely += token->top.size();
  };
  const RequestId id = motion.submit(r);
  motion.run();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(motion.answer(id).tokens[static_cast<size_t>(i)], i);
  EXPECT_EQ(likely, 150u);
}

/// Prompt and answer fill the context, and no token more is told.
TEST(Scheduler, NoTokenIsToldThatTheContextCannotHold) {
  for (const int left : {1, 2, 3}) {
    for (const bool reread : {false, true}) {
      FastMotion motion({.context = 300});
      Request r = question(300 - left, 0);
      r.reread = reread;
      const RequestId open = motion.submit(r);
      r.max_new_tokens = left;
      const RequestId limited = motion.submit(r);
      r.max_new_tokens = left + 5;
      const RequestId beyond = motion.submit(r);
      motion.run();
      for (const RequestId id : {open, limited, beyond})
        EXPECT_EQ(std::ssize(motion.answer(id).tokens), left) << reread;
      EXPECT_EQ(motion.reason(open), EndReason::context);
      EXPECT_EQ(motion.reason(limited), EndReason::length);
      EXPECT_EQ(motion.reason(beyond), EndReason::context);
      r.prompt = question(300, 0).prompt, r.max_new_tokens = 1;
      EXPECT_FALSE(motion.try_submit(r).ok()) << "it would be 301 tokens";
    }
  }
}

TEST(Scheduler, WhatCanNeverRunIsAnErrorAtOnce) {
  FastMotion motion({.context = 100'000, .pages = 64});
  const auto error = [&](Request r) {
    NotTaken why = NotTaken::ended;
    const auto id = motion.try_submit(std::move(r), &why);
    EXPECT_FALSE(id.ok());
    EXPECT_EQ(why, NotTaken::wrong);
    return id.ok() ? "" : in_words(id.error().message);
  };
  EXPECT_EQ(error(question(5000, 3000)),
            "a prompt of 5000 tokens with an answer of up to 3000 needs 126 pages of keys and values, but there is "
            "room for 64; ask for a shorter answer, give a shorter prompt, or allow more memory with kv_memory");
  EXPECT_EQ(error(question(100'000, 0)),
            "the prompt has 100000 tokens, but the context holds 100000, which leaves no room for an answer; choose a "
            "larger context, or a shorter prompt");
  EXPECT_EQ(error(Request{}), "the prompt is empty; give at least one token");
  Request r = question(10, 10);
  r.choices = 0;
  EXPECT_EQ(error(r), "0 answers: must be between 1 and 128");
  r.choices = 1, r.top = 21;
  EXPECT_EQ(error(r), "the 21 most likely tokens: must be between 0 and 20");
  r.top = 0, r.prompt[3] = -5;
  EXPECT_EQ(error(r), "token 3 of the prompt is -5, which is none of the model's");
  r = question(10, -1);
  EXPECT_EQ(error(r), "-1 new tokens: must be 0 or more");
  r = question(10, 1), r.sampling.top_p = 0;
  EXPECT_EQ(error(r), "top_p=0: must be above 0 and at most 1");
  motion.submit(question(100, 3000));  // 50 pages
  motion.run();
  motion.expect_empty();
}

TEST(Scheduler, TheQueueIsBounded) {
  FastMotion motion({.most_sequences = 3}, {.most_queued = 10});
  NotTaken why = NotTaken::wrong;
  for (int i = 0; i < 10; ++i) motion.submit(question(5, 5, static_cast<uint64_t>(i)));
  const auto full = motion.try_submit(question(5, 5), &why);
  EXPECT_EQ(why, NotTaken::queue_full);
  EXPECT_EQ(full.error().message, "10 requests wait already, which is the most; try again later");
  motion.scheduler->run_step();
  EXPECT_EQ(motion.scheduler->counts().queued_requests, 7);
  for (int i = 0; i < 3; ++i) motion.submit(question(5, 5));
  EXPECT_FALSE(motion.try_submit(question(5, 5)).ok());
  motion.run();
  motion.expect_empty();
}

}  // namespace
}  // namespace mxpath
