#include "server/openai/chat_request.h"
#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

Asked<Question> parsed(std::string_view body) {
  QuestionDefaults defaults;
  defaults.context = 1000, defaults.vocab = 100, defaults.most_choices = 4;
  return parse_completion(json_of(body), defaults);
}

Question question_of(std::string_view body) {
  auto question = parsed(body);
  EXPECT_TRUE(question.ok()) << body << ": " << question.error().message;
  return question.ok() ? *question : Question();
}

TEST(CompletionRequest, PromptsOfEveryShape) {
  EXPECT_EQ(question_of(R"({"prompt": "a"})").prompt_texts, std::vector<std::string>{"a"});
  EXPECT_EQ(question_of(R"({"prompt": ["a", "b"]})").prompt_texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(question_of(R"({"prompt": [1, 2]})").prompts, (std::vector<std::vector<Token>>{{1, 2}}));
  EXPECT_EQ(question_of(R"({"prompt": [[1, 2], [99]]})").prompts, (std::vector<std::vector<Token>>{{1, 2}, {99}}));
  EXPECT_TRUE(question_of(R"({"prompt": [1, 2]})").prompt_texts.empty());
}

TEST(CompletionRequest, Fields) {
  const Question question = question_of(R"({"model": "m", "prompt": "a", "n": 2, "best_of": 3, "logprobs": 5,
    "temperature": 0, "stop": ["x"], "max_tokens": 9, "user": "u", "echo": false, "suffix": null})");
  EXPECT_FALSE(question.harmony);
  EXPECT_EQ(question.model, "m");
  EXPECT_EQ(question.choices, 2);
  EXPECT_EQ(question.best_of, 3);
  EXPECT_EQ(question.top, 5);
  EXPECT_EQ(question.max_new_tokens, 9);
  EXPECT_TRUE(question.asked["logprobs"].get<bool>());
  EXPECT_TRUE(question.warnings.empty());
  EXPECT_EQ(question_of(R"({"prompt": "a"})").max_new_tokens, 16);
  EXPECT_EQ(question_of(R"({"prompt": "a", "n": 3})").best_of, 3);
  EXPECT_TRUE(question_of(R"({"prompt": "a", "echo": true})").echo);
  EXPECT_EQ(question_of(R"({"prompt": "a", "promt": 1})").warnings.size(), 1u);
}

TEST(CompletionRequest, TheBestIsChosenByLikelihoodEvenUnasked) {
  const Question question = question_of(R"({"prompt": "a", "best_of": 2})");
  EXPECT_EQ(question.top, 0);
  EXPECT_FALSE(question.asked["logprobs"].get<bool>());
  EXPECT_FALSE(question_of(R"({"prompt": "a"})").top);
}

TEST(CompletionRequest, WrongOnes) {
  for (const auto& [body, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{}", "prompt"},
           {R"({"prompt": ""})", "prompt"},
           {R"({"prompt": []})", "prompt"},
           {R"({"prompt": 1})", "prompt"},
           {R"({"prompt": {}})", "prompt"},
           {R"({"prompt": ["a", ""]})", "prompt[1]"},
           {R"({"prompt": ["a", 1]})", "prompt[1]"},
           {R"({"prompt": [1, "a"]})", "prompt[1]"},
           {R"({"prompt": [1, 100]})", "prompt[1]"},
           {R"({"prompt": [-1]})", "prompt[0]"},
           {R"({"prompt": [1.0]})", "prompt[0]"},
           {R"({"prompt": [[1], []]})", "prompt[1]"},
           {R"({"prompt": [[1], 2]})", "prompt[1]"},
           {R"({"prompt": [[100]]})", "prompt[0][0]"},
           {R"({"prompt": "a", "n": 5})", "n"},
           {R"({"prompt": "a", "n": 3, "best_of": 2})", "best_of"},
           {R"({"prompt": "a", "best_of": 2, "stream": true})", "best_of"},
           {R"({"prompt": "a", "logprobs": true})", "logprobs"},
           {R"({"prompt": "a", "logprobs": 21})", "logprobs"},
           {R"({"prompt": "a", "logprobs": 1, "echo": true})", "logprobs"},
           {R"({"prompt": "a", "echo": 1})", "echo"},
           {R"({"prompt": "a", "suffix": "x"})", "suffix"},
           {R"({"prompt": "a", "max_tokens": 0})", "max_tokens"},
           {R"({"prompt": "a", "stream": 1})", "stream"},
           {R"({"prompt": "a", "adapter": "x"})", "adapter"}}) {
    const auto question = parsed(body);
    ASSERT_FALSE(question.ok()) << body;
    EXPECT_EQ(question.error().param, param) << body;
  }
  std::string many = R"({"n": 4, "prompt": ["a")";
  for (int i = 0; i < 64; ++i) many += R"(, "a")";
  EXPECT_EQ(parsed(many + "]}").error().param, "prompt");
}

}  // namespace
}  // namespace mxpath::openai
