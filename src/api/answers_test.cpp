// Several answers, log-probabilities, logits, penalties and texts that grow.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>

#include "app/test_model.h"
#include "mxpath/mxpath.h"

namespace mxpath::api {
namespace {

class AnswersTest : public testing::Test {
 protected:
  AnswersTest() {
    ::setenv("XDG_CACHE_HOME", (std::filesystem::temp_directory_path() / "mxpath-test-cache").c_str(), 1);
    auto loaded = Engine::load(write_chat_model(folder), {.device = "cpu", .only = {"*.portable.*"}});
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    engine.emplace(std::move(*loaded));
  }
  TestFolder folder;
  std::optional<Engine> engine;
  const std::vector<int32_t> text = {65, 66, 67, 68, 69, 70, 71, 72};
};

TEST_F(AnswersTest, SeveralToOnePrompt) {
  const GenerateOptions how{.max_new_tokens = 12, .temperature = 1.0f, .seed = 5};
  std::map<int, std::string> heard;
  const auto answers = engine->continue_several(
      text, 20, how, [&](int choice, std::string_view, std::string_view piece) { heard[choice] += piece; });
  ASSERT_TRUE(answers.ok()) << answers.error().message;
  ASSERT_EQ(answers->size(), 20u);
  std::set<std::vector<int32_t>> different;
  for (int i = 0; i < 20; ++i) {
    const Answer& answer = (*answers)[static_cast<size_t>(i)];
    different.insert(answer.tokens);
    EXPECT_EQ(answer.text, heard[i]) << i;
    EXPECT_EQ(answer.prompt_tokens, 8);
  }
  EXPECT_GT(different.size(), 10u);
  EXPECT_EQ(answers->front().tokens, engine->continue_tokens(text, how)->tokens);
  const Message hi{.role = "user", .content = "Hi", .channel = {}, .recipient = {}, .name = {}};
  const auto asked = engine->ask_several(std::span(&hi, 1), 3, how);
  ASSERT_TRUE(asked.ok()) << asked.error().message;
  EXPECT_EQ(asked->front().tokens, engine->ask("Hi", how)->tokens);
  for (const int wrong : {-1, 0, 129})
    EXPECT_EQ(engine->continue_several(text, wrong, how).error().kind, Error::Kind::wrong_use);
}

TEST_F(AnswersTest, LogprobsAreThoseOfAScore) {
  const auto answer = engine->continue_tokens(text, {.max_new_tokens = 6, .temperature = 0.5f, .logprobs = 3});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  ASSERT_EQ(answer->token_logprobs.size(), answer->tokens.size());
  std::vector<int32_t> all = text;
  all.insert(all.end(), answer->tokens.begin(), answer->tokens.end());
  const auto score = engine->score(all, 3);
  for (size_t i = 0; i < answer->tokens.size(); ++i) {
    const TokenLogprob& one = answer->token_logprobs[i];
    EXPECT_EQ(one.token, answer->tokens[i]);
    EXPECT_NEAR(one.logprob, score->logprobs[text.size() - 1 + i], 1e-3);
    ASSERT_EQ(one.top.size(), 3u);
    for (size_t j = 0; j < 3; ++j) EXPECT_EQ(one.top[j].first, score->top[text.size() - 1 + i][j].first);
  }
  EXPECT_TRUE(engine->continue_tokens(text, {.max_new_tokens = 2, .temperature = 0.0f})->token_logprobs.empty());
  const auto alone = engine->continue_tokens(text, {.max_new_tokens = 2, .temperature = 0.0f, .logprobs = 0});
  EXPECT_EQ(alone->token_logprobs.size(), alone->tokens.size());
  EXPECT_TRUE(alone->token_logprobs.front().top.empty());
  EXPECT_EQ(engine->continue_tokens(text, {.logprobs = 21}).error().message, "logprobs 21: must be between 0 and 20");
}

TEST_F(AnswersTest, LogitsAgreeWithScoreAndWithTheGreedyToken) {
  const auto logits = engine->logits(text);
  ASSERT_TRUE(logits.ok()) << logits.error().message;
  ASSERT_EQ(logits->size(), 2048u);
  double sum = 0;
  for (const float z : *logits) sum += std::exp(static_cast<double>(z));
  const auto best = engine->score(text, 1)->top.back().front();
  EXPECT_EQ(std::ranges::max_element(*logits) - logits->begin(), best.first);
  EXPECT_NEAR(static_cast<double>((*logits)[static_cast<size_t>(best.first)]) - std::log(sum), best.second, 1e-4);
  EXPECT_EQ(engine->continue_tokens(text, {.max_new_tokens = 1, .temperature = 0.0f})->tokens.front(), best.first);
  EXPECT_FALSE(engine->logits({}).ok());
  EXPECT_FALSE(engine->logits(std::vector<int32_t>{2048}).ok());
}

TEST_F(AnswersTest, TextsEndAnAnswer) {
  GenerateOptions how{.max_new_tokens = 20, .temperature = 1.0f, .seed = 3};
  const auto whole = engine->continue_tokens(text, how);
  ASSERT_GT(whole->text.size(), 12u);
  const std::string stop = whole->text.substr(7, 4), before = whole->text.substr(0, whole->text.find(stop));
  how.stop = {"not there at all", stop};
  std::string heard;
  const auto stopped = engine->continue_tokens(text, how, [&](auto, std::string_view piece) { heard += piece; });
  ASSERT_TRUE(stopped.ok()) << stopped.error().message;
  EXPECT_EQ(stopped->text, before);
  EXPECT_EQ(heard, before);
  EXPECT_EQ(stopped->stop_reason, "stop");
  EXPECT_LT(stopped->tokens.size(), whole->tokens.size());
  how.stop = {"a", ""};
  EXPECT_EQ(engine->continue_tokens(text, how).error().message,
            "stop: a text to stop at is empty; give at least one character");
  how.stop.assign(17, "a");
  EXPECT_EQ(engine->ask("Hi", how).error().kind, Error::Kind::wrong_use);
}

TEST_F(AnswersTest, PenaltiesKeepATokenAway) {
  const auto answer =
      engine->continue_tokens(text, {.max_new_tokens = 30, .temperature = 0.0f, .presence_penalty = 100});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(std::set(answer->tokens.begin(), answer->tokens.end()).size(), answer->tokens.size());
  EXPECT_FALSE(engine->continue_tokens(text, {.repetition_penalty = 0}).ok());
  EXPECT_FALSE(engine->continue_tokens(text, {.frequency_penalty = 101}).ok());
  EXPECT_FALSE(engine->continue_tokens(text, {.presence_penalty = std::nanf("")}).ok());
}

TEST_F(AnswersTest, ASequenceGrowsAndForks) {
  const GenerateOptions greedy{.max_new_tokens = 4, .temperature = 0.0f};
  Sequence one = engine->sequence(text);
  const auto first = one.generate(greedy);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->tokens, engine->continue_tokens(text, greedy)->tokens);
  EXPECT_EQ(one.tokens().size(), text.size() + first->tokens.size());
  Sequence two = one.fork();
  const auto length = one.append(std::vector<int32_t>{80, 81});
  EXPECT_EQ(*length, static_cast<int>(one.tokens().size()));
  ASSERT_TRUE(two.append(std::vector<int32_t>{90}).ok());
  const std::vector<int32_t> before = one.tokens();
  const auto of_one = one.generate(greedy), of_two = two.generate(greedy);
  EXPECT_EQ(of_one->tokens, engine->continue_tokens(before, greedy)->tokens);
  EXPECT_GE(of_two->reused_tokens, static_cast<int>(text.size()));
  EXPECT_FALSE(one.append(std::vector<int32_t>{2048}).ok());
  EXPECT_FALSE(engine->sequence().generate(greedy).ok());
}

TEST_F(AnswersTest, ASequenceIsOneAnswersAtATime) {
  Sequence text_of_one = engine->sequence(text);
  const GenerateOptions how{.max_new_tokens = 3, .temperature = 0.0f};
  int refused = 0;
  const auto answer = text_of_one.generate(how, [&](auto, auto) {
    refused += !text_of_one.generate(how).ok();
    refused += !text_of_one.append(text).ok();
    EXPECT_EQ(text_of_one.fork().tokens(), text);
  });
  ASSERT_TRUE(answer.ok());
  EXPECT_GE(refused, 2);
  const size_t length = text_of_one.tokens().size();
  EXPECT_THROW((void)text_of_one.generate(how, [](auto, auto) { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(text_of_one.tokens().size(), length);
  EXPECT_TRUE(text_of_one.append(text).ok());
}

TEST_F(AnswersTest, ASequenceSpeaksHarmonyAndOutlivesItsEngine) {
  const GenerateOptions how{.max_new_tokens = 20, .temperature = 0.0f};
  const Message hi{.role = "user", .content = "Hi", .channel = {}, .recipient = {}, .name = {}};
  Sequence chat = engine->sequence(*engine->render(std::span(&hi, 1)));
  const auto asked = engine->ask("Hi", how);
  engine.reset();
  const auto answer = chat.generate(how, {}, true);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->tokens, asked->tokens);
  EXPECT_EQ(answer->messages.size(), asked->messages.size());
}

TEST_F(AnswersTest, OptionsOfManySequences) {
  const std::string model = folder / "chat";
  const auto error = [&](const Options& options) {
    const auto loaded = Engine::load(model, options);
    return loaded.ok() ? std::string("none") : loaded.error().message;
  };
  EXPECT_EQ(error({.device = "cpu", .sequences = 2, .kv = "fp16", .step_target = 0.01}), "none");
  EXPECT_EQ(error({.sequences = 0}), "sequences=0: must be between 1 and 1024");
  EXPECT_NE(error({.kv = "fp4"}).find("kv=fp4"), std::string::npos);
  EXPECT_NE(error({.kv_memory = 1000}).find("kv_memory="), std::string::npos);
  EXPECT_NE(error({.step_target = -1}).find("step_target=-1"), std::string::npos);
}

}  // namespace
}  // namespace mxpath::api
