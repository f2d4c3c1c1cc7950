#include "app/scheduled_answer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <stdexcept>
#include <thread>

#include "engine/scripted_executor.h"

namespace mxpath {
namespace {

/// An executor whose answers are given by the choice that asks; after its end an answer goes on with noise.
class ScheduledAnswerTest : public testing::Test {
 protected:
  ScheduledAnswerTest() : tokenizer(Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value()) {
    executor.script.vocab = tokenizer->special().largest + 1, executor.script.context = 4000;
    executor.on_token = [this](const SampleChoice& c, int32_t token) {
      const auto said = says.find(c.choice);
      return said == says.end() || c.index >= said->second.size() ? token % 1000 : said->second[c.index];
    };
    scheduler.emplace(executor);
    EXPECT_TRUE(scheduler->start().ok());
  }
  void say(uint64_t choice, const std::string& text) { says[choice] = tokenizer->encode_with_special(text); }
  Result<std::vector<ScheduledAnswer>> ask(const ScheduledOptions& options = {}) {
    const std::vector<Token> prompt = {1, 2, 3};
    return answer_scheduled(*scheduler, *tokenizer, harmony_format(*tokenizer), prompt, options);
  }
  void expect_nobody_runs() {
    while (scheduler->counts().live_requests > 0) std::this_thread::yield();
    scheduler->stop();
    EXPECT_EQ(executor.problems, std::vector<std::string>());
    EXPECT_EQ(executor.open_sequences(), 0u);
  }

  std::shared_ptr<const Tokenizer> tokenizer;
  test::ScriptedExecutor executor;
  std::map<uint64_t, std::vector<Token>> says;
  std::optional<Scheduler> scheduler;
};

/// One ends by itself, one because another role speaks: nothing else would end that before the context is full.
TEST_F(ScheduledAnswerTest, EachEndsInItsWay) {
  say(0, "<|channel|>final<|message|>One.<|return|>");
  say(1, "<|channel|>final<|message|>Two.<|end|><|start|>user<|message|>And");
  say(2, "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Three.<|return|>");
  std::map<int, std::string> heard;
  ScheduledOptions options;
  options.choices = 3, options.top = 1;
  options.on_delta = [&](int choice, const Delta& delta) { heard[choice] += delta.text; };
  const auto answers = ask(options);
  ASSERT_TRUE(answers.ok()) << answers.error().message;
  const std::vector<std::string> texts = {"One.", "Two.", "Three."};
  for (size_t i = 0; i < 3; ++i) {
    const ScheduledAnswer& one = (*answers)[i];
    EXPECT_EQ(one.answer.text, texts[i]);
    EXPECT_EQ(stop_reason(one.answer), "stop");
    EXPECT_LE(one.answer.generation.tokens.size(), says[i].size());
    EXPECT_EQ(one.logprobs.size(), one.answer.generation.tokens.size());
    EXPECT_EQ(one.logprobs.front().top.size(), 1u);
  }
  EXPECT_EQ(heard[2], "Hm.Three.");
  EXPECT_EQ((*answers)[2].answer.analysis, "Hm.");
  expect_nobody_runs();
}

TEST_F(ScheduledAnswerTest, WhatComesAfterANoIsNoPartOfTheAnswer) {
  int asked = 0;
  ScheduledOptions options;
  options.go_on = [&] { return ++asked <= 5; };
  const auto answers = ask(options);
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ(answers->front().answer.generation.tokens.size(), 5u);  // asked before the prompt and after each token
  EXPECT_EQ(stop_reason(answers->front().answer), "cancelled");
  EXPECT_EQ(asked, 6);
  expect_nobody_runs();
}

TEST_F(ScheduledAnswerTest, SilenceIsAskedAboutToo) {
  std::atomic<bool> go_on = false;
  executor.on_step = [&](auto) {
    while (!go_on) std::this_thread::yield();
    return Status();
  };
  int asked = 0;
  ScheduledOptions options;
  options.go_on = [&] { return go_on = ++asked > 1, asked < 3; };
  EXPECT_EQ(stop_reason(ask(options)->front().answer), "cancelled");
  expect_nobody_runs();
}

TEST_F(ScheduledAnswerTest, OtherThreadsCancel) {
  ScheduledOptions options;
  options.cancellation = std::make_shared<Cancellation>();
  executor.on_step = [&](auto) {  // the answer does not end before
    while (executor.steps > 100 && !options.cancellation->cancelled()) std::this_thread::yield();
    return Status();
  };
  std::atomic<int> heard = 0;
  options.on_delta = [&](int, const Delta&) { ++heard; };
  std::thread other([&] {
    while (heard < 5) std::this_thread::yield();
    options.cancellation->cancel();
  });
  const auto answers = ask(options);
  other.join();
  EXPECT_EQ(stop_reason(answers->front().answer), "cancelled");
  EXPECT_TRUE(ask(options)->front().answer.generation.tokens.empty());
  expect_nobody_runs();
}

TEST_F(ScheduledAnswerTest, WhatACallbackThrowsEndsTheRequest) {
  ScheduledOptions options;
  options.choices = 2;
  options.on_delta = [](int, const Delta&) { throw std::runtime_error("no"); };
  EXPECT_THROW((void)ask(options), std::runtime_error);
  options.on_delta = {};
  options.go_on = [] {
    throw std::runtime_error("no");
    return true;
  };
  EXPECT_THROW((void)ask(options), std::runtime_error);
  expect_nobody_runs();
}

TEST_F(ScheduledAnswerTest, ErrorsComeOut) {
  executor.on_step = [](auto) { return Status(fail("the GPU fell off the bus")); };
  const auto lost = ask();
  ASSERT_FALSE(lost.ok());
  EXPECT_NE(lost.error().message.find("fell off the bus"), std::string::npos);
  ScheduledOptions options;
  options.choices = 0;
  EXPECT_EQ(ask(options).error().kind, ErrorKind::wrong_use);
  scheduler->stop();
  EXPECT_FALSE(ask().ok());
}

TEST(Cancellation, TellsThoseWhoListen) {
  Cancellation wish;
  int told = 0;
  {
    const Cancellation::Listener gone(wish, [&] { ++told; });
  }
  const Cancellation::Listener one(wish, [&] { ++told; });
  wish.cancel();
  wish.cancel();
  EXPECT_EQ(told, 1);
  const Cancellation::Listener late(wish, [&] { ++told; });
  EXPECT_EQ(told, 2);
  EXPECT_TRUE(wish.cancelled());
}

}  // namespace
}  // namespace mxpath
