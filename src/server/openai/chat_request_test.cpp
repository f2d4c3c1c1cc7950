#include "server/openai/chat_request.h"

#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

QuestionDefaults defaults_of_tests() {
  QuestionDefaults defaults;
  defaults.conversation.date = "2025-01-01";
  defaults.context = 1000, defaults.vocab = 1000, defaults.most_choices = 4;
  return defaults;
}

/// A chat of one message with more fields: R"("n": 2)".
std::string chat(std::string_view fields) {
  return fmt::format(R"({{"messages": [{{"role": "user", "content": "Hi"}}]{}{}}})", fields.empty() ? "" : ", ",
                     fields);
}

Question question_of(std::string_view fields) {
  auto question = parse_chat(json_of(chat(fields)), defaults_of_tests());
  EXPECT_TRUE(question.ok()) << fields << ": " << question.error().message;
  return question.ok() ? *question : Question();
}

std::string wrong(std::string_view body) {
  const auto question = parse_chat(json_of(body), defaults_of_tests());
  if (question.ok()) return "(no error)";
  EXPECT_EQ(question.error().status, 400);
  EXPECT_FALSE(question.error().message.empty());
  return question.error().param;
}

TEST(ChatRequest, SmallestOne) {
  const Question question = question_of("");
  EXPECT_TRUE(question.harmony);
  ASSERT_EQ(question.messages.size(), 2u);
  ASSERT_TRUE(question.messages[0].system);
  EXPECT_EQ(question.messages[0].system->conversation_start_date, "2025-01-01");
  EXPECT_EQ(question.messages[0].system->effort, harmony::Effort::medium);
  EXPECT_EQ(question.messages[1].content, "Hi");
  EXPECT_EQ(question.choices, 1);
  EXPECT_EQ(question.max_new_tokens, 0);
  EXPECT_FALSE(question.stream);
  EXPECT_FALSE(question.top);
  EXPECT_TRUE(question.show_reasoning);
  EXPECT_TRUE(question.warnings.empty());
}

TEST(ChatRequest, FieldsOfAnswering) {
  const Question question = question_of(R"("model": "m", "max_tokens": 5, "max_completion_tokens": 7, "n": 3,
    "temperature": 0.5, "seed": 9, "stop": "x", "logprobs": true, "top_logprobs": 2, "stream": true,
    "stream_options": {"include_usage": true}, "logit_bias": {"3": -100}, "reasoning_budget": 50)");
  EXPECT_EQ(question.model, "m");
  EXPECT_EQ(question.max_new_tokens, 7);
  EXPECT_EQ(question.choices, 3);
  EXPECT_EQ(question.best_of, 3);
  EXPECT_EQ(question.sampling.temperature, 0.5F);
  EXPECT_EQ(question.sampling.seed, 9u);
  EXPECT_EQ(question.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(question.top, 2);
  EXPECT_TRUE(question.stream);
  EXPECT_TRUE(question.include_usage);
  EXPECT_EQ(question.bias.size(), 1u);
  EXPECT_EQ(question.reasoning_budget, 50);
  EXPECT_EQ(question_of(R"("logprobs": true)").top, 0);
  EXPECT_FALSE(question_of(R"("logprobs": false, "top_logprobs": 0)").top);
}

TEST(ChatRequest, IgnoredFieldsAreSilent) {
  EXPECT_TRUE(question_of(R"("user": "u", "metadata": {"a": "b"}, "store": true, "verbosity": "low",
    "service_tier": "auto", "prompt_cache_key": "k", "safety_identifier": "s", "parallel_tool_calls": false,
    "modalities": ["text"], "functions": null, "audio": null, "stream_options": null)")
                  .warnings.empty());
}

TEST(ChatRequest, UnknownFieldsAreWarnings) {
  const Question question = question_of(R"("temprature": 1, "stream_options": {"include_usge": true})");
  ASSERT_EQ(question.warnings.size(), 2u);
  EXPECT_NE(question.warnings[0].find("temprature"), std::string::npos);
  EXPECT_NE(question.warnings[0].find("temperature"), std::string::npos);
  EXPECT_NE(question.warnings[1].find("stream_options.include_usge"), std::string::npos);
}

TEST(ChatRequest, WhatCannotBeDoneIsAnError) {
  for (const auto& [fields, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"("functions": [{"name": "f"}])", "functions"},
           {R"("function_call": "auto")", "function_call"},
           {R"("audio": {"voice": "x"})", "audio"},
           {R"("modalities": ["text", "audio"])", "modalities[1]"},
           {R"("web_search_options": {"a": 1})", "web_search_options"},
           {R"("adapter": "lora")", "adapter"},
           {R"("logit_bias": {"3": 5})", "logit_bias.3"}})
    EXPECT_EQ(wrong(chat(fields)), param);
}

TEST(ChatRequest, TypesAndRanges) {
  for (const auto& [fields, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"("model": 1)", "model"},
           {R"("stream": "true")", "stream"},
           {R"("stream": 1)", "stream"},
           {R"("stream_options": [])", "stream_options"},
           {R"("stream_options": {"include_usage": 1})", "stream_options.include_usage"},
           {R"("n": 0)", "n"},
           {R"("n": 5)", "n"},
           {R"("n": 1.0)", "n"},
           {R"("n": 99999999999999999999999)", "n"},
           {R"("max_tokens": 0)", "max_tokens"},
           {R"("max_tokens": "5")", "max_tokens"},
           {R"("max_completion_tokens": -1)", "max_completion_tokens"},
           {R"("temperature": 3)", "temperature"},
           {R"("logprobs": 1)", "logprobs"},
           {R"("logprobs": true, "top_logprobs": 21)", "top_logprobs"},
           {R"("top_logprobs": 2)", "top_logprobs"},
           {R"("stop": ["a", 1])", "stop[1]"},
           {R"("stop": 1)", "stop"},
           {R"("reasoning_effort": "huge")", "reasoning_effort"},
           {R"("reasoning": "high")", "reasoning"},
           {R"("reasoning": {"effort": 3})", "reasoning.effort"},
           {R"("include_reasoning": "no")", "include_reasoning"},
           {R"("tools": {})", "tools"},
           {R"("tools": [{"type": "function", "function": {"name": "a b"}}])", "tools[0].function.name"},
           {R"("tool_choice": "required")", "tool_choice"},
           {R"("response_format": {"type": "json_schema", "json_schema": {}})", "response_format.json_schema.schema"},
           {R"("chat_template_kwargs": 1)", "chat_template_kwargs"}})
    EXPECT_EQ(wrong(chat(fields)), param) << fields;
  EXPECT_EQ(wrong("[]"), "");
  EXPECT_EQ(wrong("{}"), "messages");
  EXPECT_EQ(wrong(R"({"messages": []})"), "messages");
  EXPECT_EQ(wrong(R"({"messages": {}})"), "messages");
  EXPECT_EQ(wrong(R"({"messages": null})"), "messages");
}

TEST(ChatRequest, Reasoning) {
  using harmony::Effort;
  const auto effort = [](std::string_view fields) { return question_of(fields).messages[0].system->effort; };
  EXPECT_EQ(effort(R"("reasoning_effort": "high")"), Effort::high);
  EXPECT_EQ(effort(R"("reasoning": {"effort": "low"})"), Effort::low);
  EXPECT_EQ(effort(R"("chat_template_kwargs": {"reasoning_effort": "low"})"), Effort::low);
  EXPECT_EQ(effort(R"("reasoning": {"effort": "low"}, "reasoning_effort": "high")"), Effort::high);
  const Question none = question_of(R"("reasoning_effort": "none")");
  EXPECT_TRUE(none.skip_reasoning);
  EXPECT_EQ(none.messages[0].system->effort, Effort::low);
  EXPECT_EQ(none.warnings.size(), 1u);
  EXPECT_TRUE(question_of(R"("reasoning": {"enabled": false})").skip_reasoning);
  EXPECT_FALSE(question_of(R"("reasoning": {"exclude": true})").show_reasoning);
  EXPECT_FALSE(question_of(R"("include_reasoning": false)").show_reasoning);
  EXPECT_EQ(question_of(R"("reasoning": {"max_tokens": 9})").reasoning_budget, 9);
  EXPECT_EQ(
      question_of(R"("chat_template_kwargs": {"model_identity": "You are M."})").messages[0].system->model_identity,
      "You are M.");
}

constexpr std::string_view weather = R"("tools": [{"type": "function", "function": {"name": "get_weather"}}])";

TEST(ChatRequest, ToolsAndFormatsStandInTheDeveloperMessage) {
  const Question question = question_of(std::string(weather) + R"(, "tool_choice": "required", "response_format":
    {"type": "json_schema", "json_schema": {"name": "shape", "schema": {"type": "object"}}})");
  ASSERT_EQ(question.messages.size(), 3u);
  ASSERT_TRUE(question.messages[1].developer);
  EXPECT_FALSE(question.messages[1].developer->instructions);
  EXPECT_EQ(question.messages[1].developer->tools[0].tools[0].name, "get_weather");
  EXPECT_EQ(question.messages[1].developer->response_formats[0].name, "shape");
  EXPECT_EQ(question.tool_choice, ToolChoice::required);
  EXPECT_EQ(question.format.kind, ResponseFormat::Kind::json_schema);
}

TEST(ChatRequest, ToolsThatMayNotBeCalledAreNotShown) {
  const Question question = question_of(std::string(weather) + R"(, "tool_choice": "none")");
  EXPECT_EQ(question.messages.size(), 2u);
  EXPECT_EQ(question.functions.size(), 1u);
}

TEST(ChatRequest, InstructionsOfTheServerComeFirst) {
  QuestionDefaults defaults = defaults_of_tests();
  defaults.conversation.developer = "Of the server.";
  defaults.conversation.identity = "You are M.";
  const Json body =
      json_of(R"({"messages": [{"role": "system", "content": "Mine."}, {"role": "user", "content": "x"}]})");
  const auto question = parse_chat(body, defaults);
  ASSERT_TRUE(question.ok());
  EXPECT_EQ(question->messages[0].system->model_identity, "You are M.");
  EXPECT_EQ(question->messages[1].developer->instructions, "Of the server.\n\nMine.");
}

TEST(ChatRequest, ThePromptIsThatOfHarmony) {
  const Json body = json_of(R"({"messages": [{"role": "system", "content": "Be short."},
    {"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hi"},
    {"role": "system", "content": "Later."}]})");
  const auto question = parse_chat(body, defaults_of_tests());
  ASSERT_TRUE(question.ok());
  const auto tokens = harmony::render(builtin_tokenizer(), question->messages);
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ(builtin_tokenizer().decode_lossy(*tokens),
            "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: "
            "2024-06\nCurrent date: 2025-01-01\n\nReasoning: medium\n\n# Valid channels: analysis, commentary, final. "
            "Channel must be included for every message.<|end|><|start|>developer<|message|># Instructions\n\nBe "
            "short.\n\nBe kind.<|end|><|start|>user<|message|>Hi<|end|><|start|>developer<|message|># "
            "Instructions\n\nLater.<|end|><|start|>assistant");
}

}  // namespace
}  // namespace mxpath::openai
