// Tokens of answers to responses: the reader of answers and the writer together.
#include "base/random.h"
#include "server/openai/responses_test_support.h"

namespace mxpath::openai {
namespace {

/// A response, its stream checked on the way.
Json response_to(std::span<const Token> tokens, ResponsesQuestion asked, EndReason reason) {
  asked.question.stream = true;
  const auto writer = responses_writer(asked, test_facts());
  AnswerReader reader(builtin_tokenizer(), asked.question);
  ResponsesAccumulator stream;
  stream.read(writer->begin());
  for (const Token token : tokens) {
    stream.read(writer->pieces(0, reader.hear(token)));
    if (reader.over()) break;
  }
  const auto [pieces, end] = reader.finish(reason);
  stream.read(writer->pieces(0, pieces));
  stream.read(writer->end(0, end));
  stream.read(writer->finish({}));
  EXPECT_EQ(stream.problem(), "");
  EXPECT_TRUE(stream.over());
  EXPECT_EQ(stream.last(), writer->whole());
  return writer->whole();
}

Json response_to(std::string_view answer, const ResponsesQuestion& asked = {},
                 EndReason reason = EndReason::stop_token) {
  return response_to(builtin_tokenizer().encode_with_special(answer), asked, reason);
}

Json types_of(const Json& response) {
  Json types = Json::array();
  for (const Json& item : response["output"]) types.push_back(item["type"]);
  return types;
}

/// As the model would write it behind <|start|>assistant.
std::string written(const Json& message) {
  const std::string recipient = message.contains("recipient") && !message["recipient"].is_null()
                                    ? " to=" + message["recipient"].get<std::string>()
                                    : std::string();
  std::string text;
  if (message.value("role", "assistant") == "tool")
    text = "<|end|><|start|>" + message["author_name"].get<std::string>();
  text += recipient + "<|channel|>" + message.value("channel", "commentary") + "<|message|>";
  return text + message.value("content", "cut here");
}

/// What a case comes to here, where it is a choice of the server it is from.
Json types_here(const Json& one) {
  const std::string recipient = one["in"].value("recipient", "");
  // Nobody runs tools here, so what is called is called by the client.
  if (recipient == "repo_browser.list") return json_of(R"(["function_call"])");
  // No tool has that name alone (docs/harmony.md), so it is text, as is what follows.
  if (recipient == "browser") return json_of(R"(["message", "message"])");
  return one["types"];
}

TEST(ResponsesAnswer, RestatedCases) {
  const Json cases = data_of("responses_cases.json", "harmony_to_items");
  EXPECT_EQ(cases.size(), 10u);
  for (const Json& one : cases) {
    SCOPED_TRACE(one.dump());
    const bool calls = one["in"].contains("recipient");
    const Json response = response_to(written(one["in"]) + (calls ? "<|call|>" : "<|end|>"));
    const Json wanted = types_here(one);
    ASSERT_EQ(types_of(response), wanted);
    if (wanted != json_of(R"(["function_call"])")) continue;
    const Json& item = response["output"][0];
    EXPECT_TRUE(item["name"].get<std::string>().ends_with(one["name"].get<std::string>()));
    EXPECT_TRUE(item["id"].get<std::string>().starts_with("fc_"));
    EXPECT_TRUE(item["call_id"].get<std::string>().starts_with("call_"));
    EXPECT_EQ(item["arguments"], one["in"]["content"]);
  }
}

TEST(ResponsesAnswer, RestatedCasesThatWereCut) {
  const Json cases = data_of("responses_cases.json", "unfinished");
  EXPECT_EQ(cases.size(), 4u);
  for (const Json& one : cases) {
    SCOPED_TRACE(one.dump());
    const Json response = response_to(written(one), {}, EndReason::length);
    ASSERT_EQ(types_of(response), Json::array({one["type"]}));
    EXPECT_EQ(response["output"][0]["status"], "incomplete");  // never "in_progress": nothing goes on
    EXPECT_EQ(response["status"], "incomplete");
  }
}

constexpr std::string_view thought = "<|channel|>analysis<|message|>Think.<|end|><|start|>assistant";

TEST(ResponsesAnswer, AnalysisAndFinal) {
  const Json response = response_to(std::string(thought) + "<|channel|>final<|message|>Four.<|return|>");
  ASSERT_EQ(types_of(response), json_of(R"(["reasoning","message"])"));
  EXPECT_EQ(response["output"][0]["content"][0]["text"], "Think.");
  EXPECT_EQ(response["output"][1]["content"][0]["text"], "Four.");
  EXPECT_EQ(response["status"], "completed");
}

TEST(ResponsesAnswer, EmptyAnalysisIsNoItem) {
  const Json response =
      response_to("<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final<|message|>Four.<|return|>");
  EXPECT_EQ(types_of(response), json_of(R"(["message"])"));
}

TEST(ResponsesAnswer, ReasoningIsCompleteWhereTheFinalTextWasCut) {
  const Json response = response_to(std::string(thought) + "<|channel|>final<|message|>Fo", {}, EndReason::length);
  ASSERT_EQ(types_of(response), json_of(R"(["reasoning","message"])"));
  EXPECT_EQ(response["output"][0]["status"], "completed");
  EXPECT_EQ(response["output"][1]["status"], "incomplete");
}

Asked<ResponsesQuestion> parsed(const Json& body, const StoredResponse* previous = nullptr) {
  return parse_responses(body, {}, previous);
}

std::vector<Token> prompt_of(const ResponsesQuestion& asked) {
  return harmony::render(builtin_tokenizer(), asked.question.messages).value();
}

TEST(ResponsesAnswer, TheNextPromptOfAToolLoopBeginsWithPromptAndAnswer) {
  const Json tools = json_of(R"([{"type":"function","name":"f"},{"type":"custom","name":"patch"},
      {"type":"namespace","name":"crm","tools":[{"type":"function","name":"lookup"}]}])");
  const auto first = parsed({{"input", "Go"}, {"tools", tools}});
  ASSERT_TRUE(first.ok()) << first.error().message;
  const std::pair<std::string, std::string> calls[] = {
      {" to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>", "function_call_output"},
      {" to=functions.patch<|channel|>commentary<|message|>*** Begin<|call|>", "custom_tool_call_output"},
      {" to=functions.crm__lookup<|channel|>commentary <|constrain|>json<|message|>{}<|call|>", "function_call_output"},
  };
  for (const auto& [call, type] : calls) {
    SCOPED_TRACE(call);
    const auto answer = builtin_tokenizer().encode_with_special(
        std::string(thought) + "<|channel|>commentary<|message|>A moment.<|end|><|start|>assistant" + call);
    std::vector<Token> before = prompt_of(*first);
    before.insert(before.end(), answer.begin(), answer.end());
    const StoredResponse stored = {.response = response_to(answer, *first, EndReason::stop_token),
                                   .input = stored_input(*first, nullptr),
                                   .key = ""};
    const Json& item = stored.response["output"].back();
    const Json output = {{"type", type}, {"call_id", item["call_id"]}, {"output", "done"}};

    // With previous_response_id, and with all items sent again.
    const auto next =
        parsed({{"input", Json::array({output})}, {"tools", tools}, {"previous_response_id", "r"}}, &stored);
    ASSERT_TRUE(next.ok()) << next.error().message;
    const std::vector<Token> prompt = prompt_of(*next);
    ASSERT_GT(prompt.size(), before.size());
    EXPECT_EQ(std::vector<Token>(prompt.begin(), prompt.begin() + std::ssize(before)), before);
    const auto again = parsed({{"input", stored_input(*next, &stored)}, {"tools", tools}});
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(prompt_of(*again), prompt);
  }
}

TEST(ResponsesAnswer, TheSameConversationThroughChatIsTheSamePrompt) {
  const Json parity = data_of("responses_cases.json", "render_parity");
  QuestionDefaults defaults;
  defaults.conversation.date = "2025-01-01";
  Json chat = parity["chat"], items = parity["responses"];
  while (!chat.empty()) {
    const auto one = parse_chat({{"messages", chat}}, defaults);
    const auto other = parse_responses({{"input", items}}, defaults, nullptr);
    ASSERT_TRUE(one.ok()) << one.error().message;
    ASSERT_TRUE(other.ok()) << other.error().message;
    EXPECT_EQ(builtin_tokenizer().decode_lossy(harmony::render(builtin_tokenizer(), one->messages).value()),
              builtin_tokenizer().decode_lossy(prompt_of(*other)));
    // One turn less: the message of the assistant with a call is two items.
    const size_t last = chat.back().contains("tool_calls") ? 2 : 1;
    for (size_t i = 0; i < last; ++i) items.erase(items.size() - 1);
    chat.erase(chat.size() - 1);
  }
}

TEST(ResponsesAnswer, WhateverComesTheStreamIsRight) {
  const std::string_view parts[] = {"<|start|>",
                                    "<|channel|>",
                                    "<|message|>",
                                    "<|end|>",
                                    "<|call|>",
                                    "<|return|>",
                                    "<|constrain|>",
                                    "assistant",
                                    "analysis",
                                    "final",
                                    "commentary",
                                    " to=functions.f",
                                    " to=functions.patch",
                                    "json",
                                    "Hello",
                                    "{\"a\":1}",
                                    "\n",
                                    "\u00e9\U0001f600",
                                    " "};
  ResponsesQuestion asked;
  asked.question.functions = {function_named("f"), function_named("patch", true)};
  asked.question.stop = {"lo"};
  constexpr EndReason reasons[] = {EndReason::stop_token, EndReason::length, EndReason::cancelled, EndReason::error};
  Random random(7);
  for (int round = 0; round < 500; ++round) {
    std::string answer;
    for (int64_t i = random.integer(0, 30); i > 0; --i)
      answer += parts[static_cast<size_t>(random.integer(0, std::ssize(parts) - 1))];
    SCOPED_TRACE(answer);
    response_to(answer, asked, reasons[random.integer(0, 3)]);
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace mxpath::openai
