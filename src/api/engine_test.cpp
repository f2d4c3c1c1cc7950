#include <gtest/gtest.h>

#include <cmath>

#include "app/test_model.h"
#include "mxpath/mxpath.h"

namespace mxpath::api {
namespace {

class EngineTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Not the user's own cache; the same in every test process, so that the bandwidth is measured once.
    ::setenv("XDG_CACHE_HOME", (std::filesystem::temp_directory_path() / "mxpath-test-cache").c_str(), 1);
    folder = new TestFolder;
    model = new std::string(write_chat_model(*folder));
  }
  static void TearDownTestSuite() {
    delete model;
    delete folder;
  }
  static Engine load(const Options& options = {}) {
    auto engine = Engine::load(*model, options);
    EXPECT_TRUE(engine.ok()) << engine.error().message;
    return std::move(*engine);
  }
  static TestFolder* folder;
  static std::string* model;
};
TestFolder* EngineTest::folder = nullptr;
std::string* EngineTest::model = nullptr;

TEST_F(EngineTest, AnswersAndStreamsTheSameText) {
  Engine engine = load();
  std::string streamed;
  const auto answer = engine.ask("Hello", {.max_new_tokens = 30, .temperature = 0.0f},
                                 [&](std::string_view channel, std::string_view text) {
                                   if (channel != "analysis") streamed += text;
                                 });
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_FALSE(answer->tokens.empty());
  EXPECT_LE(answer->tokens.size(), 30u);
  if (answer->messages.size() == 1) {
    EXPECT_EQ(streamed, answer->text);
  }
  EXPECT_GT(answer->prompt_tokens, 10);
}

TEST_F(EngineTest, TheSeedDecidesAndThreadsDoNot) {
  Engine one = load({.threads = 1}), two = load({.threads = 2});
  const GenerateOptions options{.max_new_tokens = 24, .temperature = 1.0f, .seed = 7};
  const auto a = one.ask("Hello", options), b = two.ask("Hello", options);
  EXPECT_EQ(a->tokens, b->tokens);
  EXPECT_NE(a->tokens, one.ask("Hello", {.max_new_tokens = 24, .temperature = 1.0f, .seed = 8})->tokens);
}

TEST_F(EngineTest, ASecondTurnReusesTheFirst) {
  Engine engine = load();
  const std::vector<int32_t> first = engine.encode("one two three four five six"),
                             longer = engine.encode("one two three four five six seven eight");
  ASSERT_TRUE(engine.continue_tokens(first, {.max_new_tokens = 1, .temperature = 0.0f}).ok());
  EXPECT_GT(engine.continue_tokens(longer, {.max_new_tokens = 1, .temperature = 0.0f})->reused_tokens, 0);
}

TEST_F(EngineTest, ScoresAgreeWithTheGreedyContinuation) {
  Engine engine = load();
  std::vector<int32_t> tokens = engine.encode("precision and range");
  const auto next = engine.continue_tokens(tokens, {.max_new_tokens = 1, .temperature = 0.0f});
  tokens.push_back(next->tokens.front());
  const auto score = engine.score(tokens, 2);
  ASSERT_TRUE(score.ok());
  ASSERT_EQ(score->logprobs.size(), tokens.size() - 1);
  ASSERT_EQ(score->top.size(), tokens.size());
  EXPECT_EQ(score->top[tokens.size() - 2].front().first, tokens.back());
  EXPECT_NEAR(score->logprobs.back(), score->top[tokens.size() - 2].front().second, 1e-9);
}

TEST_F(EngineTest, CacheOrNotTheAnswerIsTheSame) {
  Engine engine = load();
  const auto tokens = engine.encode("one two three");
  const auto with = engine.continue_tokens(tokens, {.max_new_tokens = 12, .temperature = 0.0f});
  const auto without = engine.continue_tokens(tokens, {.max_new_tokens = 12, .temperature = 0.0f, .use_cache = false});
  EXPECT_EQ(with->tokens, without->tokens);
}

TEST_F(EngineTest, GoOnStopsAnAnswer) {
  Engine engine = load();
  int asked = 0;
  const auto answer =
      engine.continue_tokens(engine.encode("one"), {.temperature = 0.0f, .go_on = [&] { return ++asked < 6; }});
  EXPECT_EQ(answer->stop_reason, "cancelled");
  EXPECT_LE(answer->tokens.size(), 6u);
  const auto none = engine.continue_tokens(engine.encode("one"), {.temperature = 0.0f, .go_on = [] { return false; }});
  EXPECT_EQ(none->stop_reason, "cancelled");
  EXPECT_TRUE(none->tokens.empty());
}

/// What go_on says first counts, and it is asked once before a chunk, however many tokens the prompt has.
TEST_F(EngineTest, GoOnIsAskedOnceBeforeAPrompt) {
  const auto stops_at_first = [](Engine& engine, std::vector<int32_t> prompt, bool use_cache = true) {
    int asked = 0;
    const auto answer = engine.continue_tokens(
        prompt,
        {.max_new_tokens = 4, .temperature = 0.0f, .use_cache = use_cache, .go_on = [&] { return asked++ > 0; }});
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(asked, 1) << prompt.size();
    EXPECT_EQ(answer->stop_reason, "cancelled") << prompt.size();
    EXPECT_TRUE(answer->tokens.empty()) << prompt.size();
  };
  for (const std::vector<int32_t>& prompt : {std::vector<int32_t>{65}, {65, 66}, {65, 66, 67}})
    for (const bool use_cache : {true, false}) {
      Engine engine = load();
      stops_at_first(engine, prompt, use_cache);
      stops_at_first(engine, prompt, use_cache);
    }
  // A second turn of which one token is not in the cache yet.
  Engine engine = load();
  std::vector<int32_t> turn = {65, 66, 67};
  const auto first = engine.continue_tokens(turn, {.max_new_tokens = 2, .temperature = 0.0f});
  turn.insert(turn.end(), first->tokens.begin(), first->tokens.end());
  stops_at_first(engine, turn);
  const auto second = engine.continue_tokens(turn, {.max_new_tokens = 2, .temperature = 0.0f});
  EXPECT_EQ(second->reused_tokens, 4);
}

/// One that says yes is asked once before the prompt and once after each token.
TEST_F(EngineTest, GoOnIsAskedAsOftenForOneTokenAsForMore) {
  for (const std::vector<int32_t>& prompt : {std::vector<int32_t>{65}, {65, 66}, {65, 66, 67}}) {
    Engine engine = load();
    int asked = 0;
    const auto answer = engine.continue_tokens(
        prompt, {.max_new_tokens = 1, .temperature = 0.0f, .go_on = [&] { return ++asked, true; }});
    ASSERT_TRUE(answer.ok());
    EXPECT_LE(asked, 2) << prompt.size();
    EXPECT_GE(asked, 1) << prompt.size();
  }
}

TEST_F(EngineTest, TheContextEndsAnAnswer) {
  Engine engine = load({.context = 16});
  EXPECT_EQ(engine.info().context, 16);
  const auto answer = engine.continue_tokens(std::vector<int32_t>(12, 65), {.temperature = 0.0f});
  EXPECT_TRUE(answer->stop_reason == "context" || answer->stop_reason == "stop");
  EXPECT_LE(answer->tokens.size(), 4u);
  const auto too_long = engine.continue_tokens(std::vector<int32_t>(17, 65));
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.error().message.find(
                "17 tokens, but the context holds 16, which leaves no room for an answer; choose context=273"),
            std::string::npos)
      << too_long.error().message;
  EXPECT_FALSE(engine.continue_tokens(std::vector<int32_t>(16, 65)).ok());
  EXPECT_FALSE(engine.continue_tokens(std::vector<int32_t>(16, 65), {.max_new_tokens = 1}).ok()) << "17 tokens";
  EXPECT_EQ(engine.continue_tokens(std::vector<int32_t>(15, 65))->tokens.size(), 1u);
  EXPECT_LE(engine.continue_tokens(std::vector<int32_t>(14, 65))->tokens.size(), 2u);
  EXPECT_TRUE(engine.logits(std::vector<int32_t>(16, 65)).ok());
  EXPECT_TRUE(engine.score(std::vector<int32_t>(16, 65)).ok());
}

TEST_F(EngineTest, MessagesOfACaller) {
  Engine engine = load();
  const GenerateOptions brief{.max_new_tokens = 2, .temperature = 0.0f};
  const auto message = [](const char* role, const char* text) {
    return Message{.role = role, .content = text, .channel = {}, .recipient = {}, .name = {}};
  };
  const std::vector<Message> good = {
      message("system", "You are a lamp."),
      message("user", "Hi"),
      {.role = "assistant", .content = "Ho", .channel = "final", .recipient = {}, .name = {}},
      message("user", "Hm")};
  EXPECT_TRUE(engine.ask(good, brief).ok());
  EXPECT_FALSE(engine.ask(std::vector<Message>{message("assistant", "x")}, brief).ok());
  EXPECT_FALSE(engine.ask(std::vector<Message>{message("robot", "x")}, brief).ok());
  EXPECT_FALSE(engine.ask(std::vector<Message>{}, brief).ok());
  EXPECT_FALSE(engine.ask("", brief).ok());
}

TEST_F(EngineTest, WrongUseIsSaid) {
  Engine engine = load();
  const auto tokens = engine.encode("one");
  EXPECT_EQ(engine.continue_tokens(tokens, {.temperature = -1.0f}).error().kind, Error::Kind::wrong_use);
  EXPECT_EQ(engine.continue_tokens(tokens, {.max_new_tokens = -1}).error().kind, Error::Kind::wrong_use);
  EXPECT_FALSE(engine.continue_tokens({}).ok());
  EXPECT_FALSE(engine.continue_tokens(std::vector<int32_t>{2048}).ok());
  EXPECT_FALSE(engine.score({}, 1).ok());
  EXPECT_FALSE(engine.ask("Hi", {.reasoning_effort = "extreme"}).ok());
  EXPECT_EQ(Engine::load(*model, {.device = "gpu"}).error().kind, Error::Kind::wrong_use);
  EXPECT_EQ(Engine::load(*model, {.gpu_layers = -1}).error().kind, Error::Kind::wrong_use);
  EXPECT_EQ(Engine::load(*model, {.cpu_experts = -1}).error().message, "cpu_experts -1: must be between 0 and 1048576");
  EXPECT_EQ(Engine::load(*model, {.only = {"no.such.path"}}).error().kind, Error::Kind::wrong_use);
  EXPECT_EQ(Engine::load(*folder / "nothing").error().kind, Error::Kind::failed);
  EXPECT_FALSE(Engine::load(*model, {.memory_budget = 1000}).ok());
}

TEST_F(EngineTest, ErrorsNameOptionsAsTheyAreCalled) {
  const Error context = Engine::load(*model, {.context = 1 << 30}).error();
  EXPECT_EQ(context.message, "context=1073741824: the model was made for at most 131072 positions");
  ASSERT_EQ(context.hints.size(), 1u);
  EXPECT_EQ(context.hints[0].option, "context");
  EXPECT_EQ(context.hints[0].value, "1073741824");
  const Error budget = Engine::load(*model, {.memory_budget = 1000}).error();
  EXPECT_NE(budget.message.find("it would fit without memory_budget"), std::string::npos) << budget.message;
  ASSERT_EQ(budget.hints.size(), 1u);
  EXPECT_EQ(budget.hints[0].value, "");
  const Error format = Engine::load(*model, {.weights = "tf32"}).error();
  EXPECT_NE(format.message.find("choose fp32, and fast_numerics=true where"), std::string::npos) << format.message;
}

TEST_F(EngineTest, PlansAsTextAndJson) {
  EXPECT_NE(plan(*model)->find("moe.gate_up"), std::string::npos);
  EXPECT_TRUE(Json::parse(*plan(*model, {}, "h100", true)).contains("sites"));
  EXPECT_FALSE(plan(*model, {}, "pdp11").ok());
  Engine engine = load();
  EXPECT_TRUE(Json::parse(engine.plan_json()).contains("devices"));
  EXPECT_NE(engine.plan_text().find("moe.down"), std::string::npos);
  EXPECT_EQ(engine.info().vocabulary, 2048);
}

TEST_F(EngineTest, LayersLieWhereTheOptionsSay) {
  const auto placement = [](const Options& options) {
    const auto text = plan(*model, options, "h100");
    return text.ok() ? *text : text.error().message;
  };
  EXPECT_NE(placement({.device = "cuda", .gpu_layers = 1}).find("1 of 2 layers on the CPU"), std::string::npos);
  EXPECT_NE(placement({.device = "cuda", .cpu_experts = 1}).find("the experts of 1 of 2 layers on the CPU"),
            std::string::npos);
  EXPECT_NE(placement({.gpu_layers = 0}).find("asked for by gpu_layers=0"), std::string::npos);
}

}  // namespace
}  // namespace mxpath::api
