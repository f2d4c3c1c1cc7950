#include <set>

#include "server/openai/chat_request.h"
#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

using harmony::Message;

std::vector<Message> messages_of(const Json& json, const RestoreReasoning& restore = {}) {
  auto messages = harmony_of_chat(json, {}, restore);
  EXPECT_TRUE(messages.ok()) << messages.error().message;
  return messages.ok() ? *messages : std::vector<Message>();
}

std::string wrong(std::string_view messages) {
  const auto read = harmony_of_chat(json_of(messages), {});
  return read.ok() ? "(no error)" : read.error().param;
}

std::string shown(const Message& m) {
  return fmt::format("{}|{}|{}|{}|{}|{}", name_of(m.role), m.author_name, m.channel, m.recipient, m.content_type,
                     m.developer ? m.developer->instructions.value_or("") : m.content);
}

std::vector<std::string> shown(std::string_view messages, const RestoreReasoning& restore = {}) {
  std::vector<std::string> out;
  for (const Message& m : messages_of(json_of(messages), restore)) out.push_back(shown(m));
  return out;
}

void expect_message(const Message& m, const Json& wanted) {
  EXPECT_EQ(name_of(m.role), wanted["role"].get<std::string>());
  std::string content = wanted.value("content", "");
  for (const Json& part : wanted.value("content_parts", Json::array())) content += part.get<std::string>();
  EXPECT_EQ(m.content, content);
  EXPECT_EQ(m.channel, wanted.value("channel", ""));
  EXPECT_EQ(m.recipient, wanted.value("recipient", ""));
  EXPECT_EQ(m.author_name, wanted.value("author_name", ""));
  if (wanted.contains("content_type")) {
    EXPECT_EQ(m.content_type, "<|constrain|>" + wanted["content_type"].get<std::string>());
  }
}

/// The calls that a result of a tool answers to, then the message.
Json with_calls(const Json& c) {
  Json messages = Json::array();
  if (c.contains("tool_call_names")) messages.push_back({{"role", "assistant"}, {"tool_calls", Json::array()}});
  const Json names = c.value("tool_call_names", Json::object());
  for (const auto& [id, name] : names.items())
    messages[0]["tool_calls"].push_back({{"id", id}, {"function", {{"name", name}, {"arguments", "{}"}}}});
  messages.push_back(c["in"]);
  return messages;
}

TEST(ChatMessages, AsVllmReadsThem) {
  const Json cases = data_of("chat_cases.json", "messages");
  ASSERT_GT(cases.size(), 20u);
  for (const Json& c : cases) {
    SCOPED_TRACE(c["name"].get<std::string>());
    const Json input = with_calls(c);
    if (c.contains("ours_error")) {
      EXPECT_EQ(wrong(input.dump()), c["ours_error"].get<std::string>());
      continue;
    }
    const auto messages = messages_of(input);
    const size_t before = input.size() - 1;
    ASSERT_EQ(messages.size(), before + c["out"].size());
    for (size_t i = 0; i < c["out"].size(); ++i) expect_message(messages[before + i], c["out"][i]);
  }
}

TEST(ChatMessages, AnalysisOfFinishedTurnsIsDropped) {
  for (const Json& c : data_of("chat_cases.json", "drop_analysis")) {
    std::vector<Message> all, kept;
    for (const Json& json : c["in"]) {
      Message& m = all.emplace_back();
      m.role = harmony::parse_role(json["role"].get<std::string>()).value();
      m.channel = json["channel"], m.content = json["content"];
      if (m.role == harmony::Role::tool) m.author_name = "functions.f";
    }
    for (const Json& index : c["keep"]) kept.push_back(all[index.get<size_t>()]);
    const auto whole = harmony::render(builtin_tokenizer(), all, {}, harmony::DropAnalysis::finished);
    const auto wanted = harmony::render(builtin_tokenizer(), kept, {}, harmony::DropAnalysis::never);
    EXPECT_EQ(whole.value(), wanted.value()) << c;
  }
}

TEST(ChatMessages, LeadingInstructionsAreOneMessage) {
  EXPECT_EQ(
      shown(R"([{"role": "system", "content": "A"}, {"role": "developer", "content": [{"type": "text", "text": "B"}]},
                      {"role": "system", "content": ""}, {"role": "user", "content": "Q"},
                      {"role": "system", "content": "C"}, {"role": "developer", "content": "D"}])"),
      (std::vector<std::string>{"developer|||||A\n\nB", "user|||||Q", "developer|||||C", "developer|||||D"}));
}

TEST(ChatMessages, ReasoningHasThreeNames) {
  for (const char* name : {"reasoning", "reasoning_content", "thinking"})
    EXPECT_EQ(shown(fmt::format(R"([{{"role": "assistant", "content": "A", "{}": "T"}}])", name)),
              (std::vector<std::string>{"assistant||analysis|||T", "assistant||final|||A"}));
  EXPECT_EQ(shown(R"([{"role": "assistant", "content": "A", "reasoning": "T", "reasoning_content": "T"}])").size(), 2u);
}

TEST(ChatMessages, SeveralCallsAndTheirResults) {
  EXPECT_EQ(
      shown(R"([{"role": "assistant", "content": "I look.", "reasoning": "T", "tool_calls": [
                       {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                       {"id": "2", "type": "custom", "custom": {"name": "g", "input": "raw"}}]},
                      {"role": "tool", "tool_call_id": "2", "content": "second"},
                      {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "first"}]}])"),
      (std::vector<std::string>{
          "assistant||analysis|||T", "assistant||commentary|||I look.",
          "assistant||commentary|functions.f|<|constrain|>json|{\"a\":1}", "assistant||commentary|functions.g||raw",
          "tool|functions.g|commentary|assistant||second", "tool|functions.f|commentary|assistant||first"}));
}

TEST(ChatMessages, RefusalsAreText) {
  EXPECT_EQ(shown(R"([{"role": "assistant", "content": null, "refusal": "No."}])"),
            std::vector<std::string>{"assistant||final|||No."});
}

TEST(ChatMessages, NamesOfUsers) {
  EXPECT_EQ(shown(R"([{"role": "user", "name": "ann", "content": "x"}])"), std::vector<std::string>{"user|ann||||x"});
  EXPECT_EQ(wrong(R"([{"role": "user", "name": "a b", "content": "x"}])"), "messages[0].name");
}

TEST(ChatMessages, WrongOnesAreNamedByTheirPath) {
  for (const auto& [messages, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"([1])", "messages[0]"},
           {R"([{}])", "messages[0].role"},
           {R"([{"role": "robot", "content": "x"}])", "messages[0].role"},
           {R"([{"role": "function", "name": "f", "content": "x"}])", "messages[0].role"},
           {R"([{"role": "user", "content": 1}])", "messages[0].content"},
           {R"([{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "image_url"}]}])",
            "messages[1].content[0].type"},
           {R"([{"role": "user", "content": [{"type": "input_audio"}]}])", "messages[0].content[0].type"},
           {R"([{"role": "user", "content": [{"type": "file"}]}])", "messages[0].content[0].type"},
           {R"([{"role": "assistant", "reasoning": 1}])", "messages[0].reasoning"},
           {R"([{"role": "assistant", "tool_calls": {}}])", "messages[0].tool_calls"},
           {R"([{"role": "assistant", "tool_calls": [1]}])", "messages[0].tool_calls[0]"},
           {R"([{"role": "assistant", "tool_calls": [{"type": "code"}]}])", "messages[0].tool_calls[0].type"},
           {R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}])",
            "messages[0].tool_calls[0].function.arguments"},
           {R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f<|call|>"}}]}])",
            "messages[0].tool_calls[0].function.name"},
           {R"([{"role": "assistant", "function_call": {"name": "f"}}])", "messages[0].function_call"},
           {R"([{"role": "tool", "content": "x"}])", "messages[0].tool_call_id"},
           {R"([{"role": "tool", "tool_call_id": "9", "content": "x"}])", "messages[0].tool_call_id"}})
    EXPECT_EQ(wrong(messages), param) << messages;
}

TEST(ChatMessages, ReasoningIsRestoredInTheRunningLoop) {
  std::set<std::string> asked;
  const RestoreReasoning restore = [&](std::string_view id) -> std::optional<std::string> {
    asked.emplace(id);
    return id == "new" ? std::optional<std::string>("Kept.") : std::nullopt;
  };
  const auto all = shown(R"([{"role": "user", "content": "Q"},
      {"role": "assistant", "tool_calls": [{"id": "old", "function": {"name": "f", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "old", "content": "1"}, {"role": "user", "content": "R"},
      {"role": "assistant", "reasoning": "Mine.",
       "tool_calls": [{"id": "told", "function": {"name": "f", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "told", "content": "2"},
      {"role": "assistant", "tool_calls": [{"id": "lost", "function": {"name": "f", "arguments": "{}"}},
                                           {"id": "new", "function": {"name": "f", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "new", "content": "3"}])",
                         restore);
  EXPECT_EQ(asked, (std::set<std::string>{"lost", "new"}));
  EXPECT_EQ(std::ranges::count(all, "assistant||analysis|||Kept."), 1);
  EXPECT_EQ(std::ranges::count(all, "assistant||analysis|||Mine."), 1);
}

}  // namespace
}  // namespace mxpath::openai
