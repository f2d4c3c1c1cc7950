// A turn from the scripted model's tokens to what its client gets.
#include "server/turn.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "engine/scripted_executor.h"
#include "server/fake_exchange_for_test.h"

namespace mxpath::server {
namespace {

using test::FakeExchange;
using test::ScriptedExecutor;

class Turns : public testing::Test {
 protected:
  Turns() : tokenizer(Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value()) {
    script.vocab = tokenizer->special().largest + 1;
    script.context = 600;
  }

  std::shared_ptr<openai::Question> question(bool stream) {
    auto made = std::make_shared<openai::Question>();
    made->stream = stream;
    made->sampling.seed = ++seed_;
    return made;
  }
  void says(const openai::Question& who, const std::string& text) {
    says_[who.sampling.seed] = tokenizer->encode_with_special(text);
  }
  std::shared_ptr<Turn> turn(std::shared_ptr<openai::Question> asked, size_t prompts = 1) {
    if (!scheduler) start();
    TurnParts parts{.exchange = exchange,
                    .question = asked,
                    .writer = openai::chat_writer(
                        *asked, {.id_suffix = "1", .model = "m", .created = 1, .fingerprint = "f", .new_id = [] {
                                   return std::string("id");
                                 }})};
    for (size_t i = 0; i < prompts; ++i) parts.prompts.push_back(tokenizer->encode("a question"));
    const AnswerFormat format = harmony_format(*tokenizer);
    parts.stop_tokens = format.stop_tokens, parts.largest_token = format.largest_token;
    parts.arrived = seconds_now();
    parts.on_over = [this](Turn& over) { overs.push_back(&over); };
    return std::make_shared<Turn>(TurnContext{*scheduler, outbox, metrics, *tokenizer, nullptr}, std::move(parts));
  }
  /// Those of another turn, to be changed.
  TurnParts parts_like(const Turn& other, const std::shared_ptr<openai::Question>& asked) {
    TurnParts parts{.exchange = exchange,
                    .question = asked,
                    .writer = openai::chat_writer(
                        *asked, {.id_suffix = "2", .model = "m", .created = 1, .fingerprint = "f", .new_id = [] {
                                   return std::string("id");
                                 }})};
    parts.prompts = other.parts().prompts;
    parts.stop_tokens = other.parts().stop_tokens, parts.largest_token = other.parts().largest_token;
    parts.arrived = seconds_now();
    return parts;
  }
  void start() {
    executor = std::make_unique<ScriptedExecutor>(script);
    executor->on_token = [this](const SampleChoice& c, int32_t token) {
      const auto said = says_.find(c.options.seed);
      return said == says_.end() ? token : said->second[std::min<size_t>(c.index, said->second.size() - 1)];
    };
    executor->on_step = [this](auto) { return on_step ? on_step() : Status(); };
    scheduler = std::make_unique<Scheduler>(*executor);
  }
  /// Steps and loop turns until nothing is left, or so many steps.
  void run(int steps = 1000) {
    for (; steps > 0 && scheduler->run_step(); --steps) hear();
    hear();
  }
  void hear() {
    for (const TurnEvent& event : outbox.take()) {
      event.turn->hear(event);
      event.turn->flush();
    }
  }

  std::shared_ptr<const Tokenizer> tokenizer;
  test::Script script;
  std::shared_ptr<FakeExchange> exchange = std::make_shared<FakeExchange>();
  Outbox outbox{[] {}};
  Metrics metrics{"m"};
  std::function<Status()> on_step;
  std::vector<Turn*> overs;
  std::unique_ptr<ScriptedExecutor> executor;
  std::unique_ptr<Scheduler> scheduler;

 private:
  std::map<uint64_t, std::vector<Token>> says_;
  uint64_t seed_ = 0;
};

TEST_F(Turns, WholeReplyHasTheAnswerAndItsFigures) {
  auto asked = question(false);
  says(*asked, "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Nine.<|return|>");
  const auto one = turn(asked);
  ASSERT_TRUE(one->submit().ok());
  one->begin();
  run();
  ASSERT_EQ(exchange->replies.size(), 1u);
  EXPECT_EQ(exchange->replies[0].status, 200);
  const Json whole = Json::parse(exchange->replies[0].body);
  EXPECT_EQ(whole["choices"][0]["message"]["content"], "Nine.");
  EXPECT_EQ(whole["choices"][0]["message"]["reasoning"], "Hm.");
  EXPECT_EQ(whole["choices"][0]["finish_reason"], "stop");
  EXPECT_GT(whole["usage"]["prompt_tokens"], 0);
  EXPECT_TRUE(one->went_well());
  EXPECT_EQ(one->reasoning_of(0), "Hm.");
  EXPECT_EQ(overs.size(), 1u);
  EXPECT_EQ(exchange->begun, 0);
}

TEST_F(Turns, StreamBeginsBeforeTheFirstTokenAndEndsWhole) {
  auto asked = question(true);
  says(*asked, "<|channel|>final<|message|>Nine.<|return|>");
  const auto one = turn(asked);
  ASSERT_TRUE(one->submit().ok());
  one->begin();
  one->flush();
  EXPECT_EQ(exchange->begun, 1);
  EXPECT_NE(exchange->sent.find("\"role\":\"assistant\""), std::string::npos);
  run();
  EXPECT_NE(exchange->sent.find("data: [DONE]\n\n"), std::string::npos) << exchange->sent;
  EXPECT_EQ(exchange->ended, std::vector<bool>{true});
  EXPECT_TRUE(exchange->replies.empty());
}

TEST_F(Turns, BareFinalIsTheSameWholeAndStreamed) {
  for (const bool stream : {false, true}) {
    auto asked = question(stream);
    says(*asked, "<|channel|>final<|message|>Nine.<|return|>");
    const auto one = turn(asked);
    ASSERT_TRUE(one->submit().ok());
    one->begin();
    run();
    EXPECT_TRUE(one->went_well());
    const Json whole = one->parts().writer->whole();
    EXPECT_EQ(whole["choices"][0]["message"]["content"], "Nine.") << stream;
    EXPECT_EQ(whole["choices"][0]["finish_reason"], "stop") << stream;
  }
}

// Whoever gave no max_tokens got "length" and no word of whose limit that was.
TEST_F(Turns, TheServersOwnLimitIsTold) {
  const auto warnings = [this](int asked_for, int most) {
    auto asked = question(false);
    auto one = turn(asked);
    TurnParts parts = parts_like(*one, asked);
    parts.max_new_tokens = asked_for, parts.most_new_tokens = most, parts.context = script.context;
    one = std::make_shared<Turn>(TurnContext{*scheduler, outbox, metrics, *tokenizer, nullptr}, std::move(parts));
    EXPECT_TRUE(one->submit().ok());
    one->begin();
    run();
    const http::Reply reply = exchange->replies.back();
    EXPECT_EQ(Json::parse(reply.body)["choices"][0]["finish_reason"], "length");
    const auto found = std::ranges::find(reply.headers, "X-Mxpath-Warnings", [](const auto& h) { return h.first; });
    return found == reply.headers.end() ? "" : found->second;
  };
  EXPECT_EQ(warnings(0, 8), "the answer was cut: this server gives answers of 8 tokens at most");
  EXPECT_EQ(warnings(4, 8), "") << "that is what was asked for";
  EXPECT_EQ(warnings(0, 0), "the answer was cut: prompt and answer fill the context of 600 tokens");
}

TEST_F(Turns, ThatNobodyReadsIsStoppedWithinAStep) {
  auto asked = question(true);
  const auto one = turn(asked);
  ASSERT_TRUE(one->submit().ok());
  one->begin();
  run(5);
  one->cancel();
  scheduler->run_step();
  EXPECT_EQ(scheduler->counts().live_requests, 0);
  hear();
  EXPECT_TRUE(one->over());
  EXPECT_NE(metrics.text({}).find("phase=\"decode\"} 1"), std::string::npos);
}

TEST_F(Turns, CancelledBeforeItIsSubmittedAsksNothing) {
  const auto one = turn(question(false));
  one->cancel();
  ASSERT_TRUE(one->submit().ok());
  run();
  EXPECT_EQ(executor->tokens_read, 0);
  EXPECT_TRUE(one->over());
}

TEST_F(Turns, WhatFailsBeforeItsFirstByteHasAStatus) {
  start();
  on_step = [] { return Status(fail("the GPU has failed")); };
  const auto one = turn(question(true));
  ASSERT_TRUE(one->submit().ok());
  run(1);
  ASSERT_EQ(exchange->replies.size(), 1u);
  EXPECT_EQ(exchange->replies[0].status, 500);
  EXPECT_NE(exchange->replies[0].body.find("the GPU has failed"), std::string::npos);
  EXPECT_EQ(exchange->begun, 0);
}

TEST_F(Turns, WhatFailsInAStreamIsAnErrorWithoutDone) {
  start();
  int steps = 0;
  on_step = [&steps] { return ++steps > 4 ? Status(fail("the GPU has failed")) : Status(); };
  const auto one = turn(question(true));
  ASSERT_TRUE(one->submit().ok());
  one->begin();
  run(6);
  EXPECT_NE(exchange->sent.find("\"error\""), std::string::npos);
  EXPECT_EQ(exchange->sent.find("[DONE]"), std::string::npos);
  EXPECT_EQ(exchange->ended, std::vector<bool>{false});
}

TEST_F(Turns, TooLongInTimeEndsAsTooLong) {
  auto asked = question(false);
  const auto one = turn(asked);
  ASSERT_TRUE(one->submit().ok());
  one->begin();
  run(5);
  one->look_at_clock(seconds_now() + 1000, 0);
  EXPECT_FALSE(one->over()) << "no limit was set";
  auto limited = std::make_shared<openai::Question>(*question(false));
  TurnParts parts{.exchange = exchange,
                  .question = limited,
                  .writer = openai::chat_writer(
                      *limited, {.id_suffix = "2", .model = "m", .created = 1, .fingerprint = "f", .new_id = [] {
                                   return std::string("id");
                                 }})};
  parts.prompts = {tokenizer->encode("x")};
  parts.arrived = seconds_now(), parts.seconds_limit = 10;
  const auto two =
      std::make_shared<Turn>(TurnContext{*scheduler, outbox, metrics, *tokenizer, nullptr}, std::move(parts));
  ASSERT_TRUE(two->submit().ok());
  two->begin();
  run(5);
  two->look_at_clock(seconds_now() + 11, 0);
  run();
  ASSERT_FALSE(exchange->replies.empty());
  EXPECT_EQ(Json::parse(exchange->replies.front().body)["choices"][0]["finish_reason"], "length");
}

TEST_F(Turns, ThatWaitsTooLongIsRefused) {
  const auto one = turn(question(true));
  one->look_at_clock(seconds_now() + 5, 10);
  EXPECT_FALSE(one->over());
  one->look_at_clock(seconds_now() + 11, 10);
  ASSERT_EQ(exchange->replies.size(), 1u);
  EXPECT_EQ(exchange->replies[0].status, 429);
}

TEST_F(Turns, PromptThatCanNeverRunIsTheCallersFault) {
  script.pages = 2;
  auto asked = question(false);
  start();
  TurnParts parts{.exchange = exchange,
                  .question = asked,
                  .writer = openai::chat_writer(
                      *asked, {.id_suffix = "2", .model = "m", .created = 1, .fingerprint = "f", .new_id = [] {
                                 return std::string("id");
                               }})};
  parts.prompts = {std::vector<Token>(500, 1)};
  const auto one =
      std::make_shared<Turn>(TurnContext{*scheduler, outbox, metrics, *tokenizer, nullptr}, std::move(parts));
  const auto asked_for = one->submit();
  ASSERT_FALSE(asked_for.ok());
  EXPECT_EQ(asked_for.error().status, 400);
  EXPECT_EQ(asked_for.error().code, "context_length_exceeded");
}

}  // namespace
}  // namespace mxpath::server
