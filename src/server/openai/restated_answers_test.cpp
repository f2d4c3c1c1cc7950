// How other projects read the answers of these models (tests/data/server), whole and in steps of several tokens.
#include "server/openai/test_reply.h"

namespace mxpath::openai {
namespace {

constexpr size_t steps[] = {1, 2, 7, 100000};

Question question_with(const Json& names) {
  Question question;
  for (const Json& name : names) question.functions.push_back(function_named(name));
  question.stream = true;
  return question;
}

std::string text_or_empty(const Json& object, const char* key) {
  return !object.contains(key) || object[key].is_null() ? "" : object[key].get<std::string>();
}

/// A value, or the text itself where it is no JSON.
Json arguments_of(const std::string& text) {
  auto json = parse_json(text, "");
  return json.ok() ? *json : Json{{"$raw", text}};
}

/// [[name, arguments], …]
Json calls_of(const Json& message) {
  Json out = Json::array();
  for (const Json& call : message.value("tool_calls", Json::array()))
    out.push_back(
        Json::array({call["function"]["name"], arguments_of(call["function"]["arguments"].get<std::string>())}));
  return out;
}

Json message_of(std::string_view answer, const Question& question, size_t step) {
  const auto writer = chat_writer(question, test_facts());
  const Reply reply = write_answer(*writer, read_answer(answer, question, step));
  expect_same(reply.whole, accumulated_chat(reply.stream));
  return reply.whole["choices"][0]["message"];
}

void expect_answer(const Json& c, const Json& calls, size_t step) {
  SCOPED_TRACE(fmt::format("{} in steps of {}", c["input"].get<std::string>(), step));
  const Json message = message_of(c["input"].get<std::string>(), question_with(c.value("tools", Json::array())), step);
  EXPECT_EQ(text_or_empty(message, "reasoning"), text_or_empty(c, "reasoning"));
  EXPECT_EQ(text_or_empty(message, "content"), text_or_empty(c, "content"));
  EXPECT_EQ(calls_of(message), calls);
}

TEST(RestatedAnswers, OfLlamaCpp) {
  for (const Json& c : data_of("answer_cases.json", "answers")) {
    Json calls = Json::array();
    for (const Json& call : c.value("tool_calls", Json::array()))
      calls.push_back(Json::array({call["name"], call["arguments"]}));
    for (const size_t step : steps) expect_answer(c, calls, step);
  }
}

TEST(RestatedAnswers, OfVllm) {
  for (const Json& c : data_of("chat_cases.json", "answers")) {
    Json calls = Json::array();
    for (const Json& call : c.value("tool_calls", Json::array()))
      calls.push_back(Json::array({call["name"], arguments_of(call["arguments"].get<std::string>())}));
    for (const size_t step : steps) expect_answer(c, calls, step);
  }
}

TEST(RestatedAnswers, HeadersOfOllama) {
  for (const Json& c : data_of("answer_cases.json", "headers")) {
    const std::string header = c["header"];
    const ReadAnswer answer = read_answer(header + "<|message|>x<|end|>");
    const std::string read = c["recipient"] == "" ? "reasoning:x|" : "call 0 get_weather:x|";
    EXPECT_EQ(log_of(answer.pieces()), c.value("ours", read)) << header;
  }
}

std::string tokens_of(const Json& message) {
  std::string header;
  if (message.contains("recipient")) header += " to=" + message["recipient"].get<std::string>();
  header += "<|channel|>" + message["channel"].get<std::string>();
  if (message.contains("content_type")) header += " <|constrain|>" + message["content_type"].get<std::string>();
  return header + "<|message|>" + message["content"].get<std::string>() + "<|end|>";
}

TEST(RestatedAnswers, CallsOfMessages) {
  for (const Json& c : data_of("chat_cases.json", "calls")) {
    std::string answer;
    for (const Json& m : c["messages"]) answer += (answer.empty() ? "" : "<|start|>assistant") + tokens_of(m);
    for (const size_t step : steps) {
      const Json message = message_of(answer, question_with(Json::array()), step);
      EXPECT_EQ(calls_of(message), c["tool_calls"]) << answer;
      EXPECT_EQ(text_or_empty(message, "content"), text_or_empty(c, "content")) << answer;
    }
  }
}

TEST(RestatedAnswers, EventsOfSglang) {
  for (const Json& c : data_of("chat_cases.json", "events")) {
    const std::string text = c["text"];
    Question question;
    for (const char* name : {"get_weather", "generate_file"}) question.functions.push_back(function_named(name));
    Json events = Json::array();
    std::string_view start = "<|start|>assistant";
    for (const Piece& p : read_answer(text.starts_with(start) ? text.substr(start.size()) : text, question).pieces()) {
      if (p.kind == Piece::Kind::call) continue;
      const bool first = events.empty() || p.begins || (p.kind == Piece::Kind::arguments && events.back()[2] != p.call);
      const char* kind = p.kind == Piece::Kind::reasoning   ? "reasoning"
                         : p.kind == Piece::Kind::arguments ? "tool_call"
                                                            : "normal";
      if (first) events.push_back(Json::array({kind, "", p.call}));
      events.back()[1] = events.back()[1].get<std::string>() + p.text;
    }
    for (Json& event : events) event.erase(2);
    EXPECT_EQ(events, c["events"]) << text;
  }
}

TEST(RestatedAnswers, ChunksOfSglang) {
  for (const Json& c : data_of("chat_cases.json", "chunks")) {
    std::vector<Token> tokens;
    for (const Json& chunk : c["chunks"])
      for (const Token token : builtin_tokenizer().encode_with_special(chunk.get<std::string>()))
        tokens.push_back(token);
    Question question;
    question.stream = true;
    const auto writer = chat_writer(question, test_facts());
    const Json message = write_answer(*writer, read_tokens(tokens, question)).whole["choices"][0]["message"];
    EXPECT_EQ(message["reasoning"], c["reasoning"]);
    EXPECT_EQ(message["content"], c["normal"]);
  }
}

TEST(RestatedAnswers, ReasoningEndsWhereTheFinalBodyBegins) {
  constexpr std::string_view before = "<|end|><|start|>assistant";
  for (const Json& c : data_of("chat_cases.json", "reasoning_end")) {
    const std::string text = c["text"];
    ASSERT_TRUE(text.starts_with(before));
    bool ended = false;
    // Of the end, which settles what is open, nothing counts.
    const ReadAnswer answer = read_answer(std::string_view(text).substr(before.size()));
    for (size_t i = 0; i + 1 < answer.steps.size(); ++i)
      for (const Piece& p : answer.steps[i]) ended = p.kind == Piece::Kind::text;
    EXPECT_EQ(ended, c["ended"].get<bool>()) << text;
  }
}

/// States (channel, recipient, text) as what the model writes; a state of the same message as the one before goes on.
std::string answer_of_states(const Json& c) {
  std::string out, open;
  const auto add = [&](const Json& channel, const Json& recipient, const std::string& text) {
    const std::string to = recipient.is_null() ? "" : " to=" + recipient.get<std::string>();
    const std::string header = to + (channel.is_null() ? "" : "<|channel|>" + channel.get<std::string>());
    if (header != open || out.empty()) out += (out.empty() ? "" : "<|end|><|start|>assistant") + header + "<|message|>";
    open = header;
    out += text;
  };
  for (const Json& earlier : c.value("earlier_messages", Json::array())) add(earlier[0], earlier[1], "");
  if (c.contains("previous_recipient")) add("commentary", c["previous_recipient"], "");
  for (const Json& state : c["states"]) add(state[0], state[1], state[2].get<std::string>());
  return out;
}

/// The delta that vLLM merges into one, from the message that ours make.
void expect_delta(const Json& delta, const Json& message) {
  EXPECT_EQ(text_or_empty(message, "content"), text_or_empty(delta, "content"));
  EXPECT_EQ(text_or_empty(message, "reasoning"), text_or_empty(delta, "reasoning"));
  for (const Json& call : delta.value("tool_calls", Json::array())) {
    const Json& mine = message["tool_calls"][call["index"].get<size_t>()];
    for (const char* key : {"name", "arguments"})
      EXPECT_EQ(mine["function"][key], call.value(key, mine["function"][key]));
  }
}

TEST(RestatedAnswers, DeltasOfVllm) {
  for (const Json& c : data_of("chat_cases.json", "deltas")) {
    Question question = question_with(Json::array());
    question.show_reasoning = c.value("include_reasoning", true);
    const std::string answer = answer_of_states(c);
    for (const size_t step : steps) {
      SCOPED_TRACE(fmt::format("{} in steps of {}", answer, step));
      expect_delta(c["delta"].is_null() ? Json::object() : c["delta"], message_of(answer, question, step));
    }
  }
}

TEST(RestatedAnswers, Recipients) {
  const Json cases = data_of("chat_cases.json", "recipients");
  for (const Json& r : cases["function"]) EXPECT_NE(called_function(r.get<std::string>(), {}), "") << r;
  for (const Json& r : cases["not_function"]) EXPECT_EQ(called_function(r.get<std::string>(), {}), "") << r;
  for (const auto& [recipient, name] : cases["name_from_recipient"].items())
    EXPECT_EQ(called_function(recipient, {}), name.get<std::string>());
  for (const Json& c : cases["with_declared_names"]) {
    const Question question = question_with(c["declared"]);
    const std::string recipient = c["recipient"];
    EXPECT_EQ(!called_function(recipient, question.functions).empty(), c.value("ours", c["function"].get<bool>())) << c;
  }
}

}  // namespace
}  // namespace mxpath::openai
