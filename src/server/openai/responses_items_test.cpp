#include "server/openai/responses_items.h"

#include <gtest/gtest.h>

#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

using harmony::Message;
using harmony::Role;

/// "role|channel|author or recipient|content_type|content" of each.
std::vector<std::string> shown(const std::vector<Message>& messages) {
  std::vector<std::string> out;
  for (const Message& m : messages)
    out.push_back(fmt::format("{}|{}|{}|{}|{}", name_of(m.role), m.channel,
                              m.author_name.empty() ? m.recipient : m.author_name, m.content_type, m.content));
  return out;
}

std::vector<std::string> shown(const std::string& items, const RestoreReasoning& restore = {}) {
  const auto messages = harmony_of_items(json_of(items), restore);
  if (!messages.ok()) return {"error " + messages.error().param + ": " + messages.error().message};
  return shown(*messages);
}

void expect_case(const Json& one) {
  SCOPED_TRACE(one["name"].get<std::string>());
  Json items = one.value("previous", Json::array());
  items.push_back(one["in"]);
  const auto messages = harmony_of_items(items);
  if (one.contains("error")) {
    EXPECT_FALSE(messages.ok());
    return;
  }
  ASSERT_TRUE(messages.ok()) << messages.error().message;
  const Json& out = one["out"];
  ASSERT_EQ(messages->size(), items.size() - (out.is_null() ? 1 : 0));
  if (out.is_null()) return;
  const Message& got = messages->back();
  EXPECT_EQ(name_of(got.role), out["role"].get<std::string>());
  for (const auto& [field, value] :
       {std::pair{"channel", got.channel}, {"recipient", got.recipient}, {"author_name", got.author_name}}) {
    const Json wanted = out.value(field, Json());
    EXPECT_TRUE(wanted.is_null() || wanted == value) << field << ": " << value;
  }
  EXPECT_TRUE(!out.contains("content_type") || got.content_type == "<|constrain|>json");
  std::string content = out.value("content", "");
  for (const Json& part : out.value("content_parts", Json::array())) content += part.get<std::string>();
  // The prefix is that server's; harmony has its own.
  if (one["name"] == "developer_prefix") content = "Be concise.";
  EXPECT_TRUE(content.empty() || got.content == content) << got.content;
}

TEST(ResponsesItems, RestatedCases) {
  const Json all = data_of("responses_cases.json", "item_to_harmony");
  EXPECT_EQ(all.size(), 17u);
  for (const Json& one : all) expect_case(one);
}

TEST(ResponsesItems, AToolLoop) {
  EXPECT_EQ(
      shown(R"([{"role":"user","content":"Weather?"},
      {"type":"reasoning","content":[{"type":"reasoning_text","text":"Ask."}]},
      {"type":"message","role":"assistant","content":[{"type":"output_text","text":"A moment."}]},
      {"type":"function_call","call_id":"c1","name":"weather","arguments":"{}"},
      {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"sunny"}]}])"),
      (std::vector<std::string>{"user||||Weather?", "assistant|analysis|||Ask.", "assistant|commentary|||A moment.",
                                "assistant|commentary|functions.weather|<|constrain|>json|{}",
                                "tool|commentary|functions.weather||sunny"}));
}

TEST(ResponsesItems, CustomToolsAndNamespaces) {
  EXPECT_EQ(shown(R"([{"type":"custom_tool_call","call_id":"c1","name":"apply_patch","input":"*** Begin"},
      {"type":"custom_tool_call_output","call_id":"c1","output":"Done"},
      {"type":"function_call","call_id":"c2","name":"lookup","namespace":"crm","arguments":"{}"},
      {"type":"function_call","call_id":"c3","name":"find","namespace":"mcp__crm__","arguments":"{}"},
      {"type":"function_call_output","call_id":"c2","output":"x"}])"),
            (std::vector<std::string>{"assistant|commentary|functions.apply_patch||*** Begin",
                                      "tool|commentary|functions.apply_patch||Done",
                                      "assistant|commentary|functions.crm__lookup|<|constrain|>json|{}",
                                      "assistant|commentary|functions.mcp__crm__find|<|constrain|>json|{}",
                                      "tool|commentary|functions.crm__lookup||x"}));
}

TEST(ResponsesItems, PhasesOfTheAssistant) {
  EXPECT_EQ(
      shown(R"([{"role":"assistant","phase":"commentary","content":"one"},
      {"role":"assistant","phase":"final_answer","content":"two"},
      {"type":"function_call","name":"f","arguments":"{}"}, {"role":"assistant","content":"three"},
      {"role":"assistant","content":""}])"),
      (std::vector<std::string>{"assistant|commentary|||one", "assistant|final|||two",
                                "assistant|commentary|functions.f|<|constrain|>json|{}", "assistant|final|||three"}));
}

TEST(ResponsesItems, ReasoningBelongsToTheRunningLoop) {
  const std::string reasoning =
      R"({"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}]})";
  const std::string call = R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
      {"type":"function_call_output","call_id":"c","output":"x"})";
  const std::string user = R"({"role":"user","content":"Go"})";
  const auto running = shown("[" + user + "," + reasoning + "," + call + "]");
  EXPECT_EQ(running.size(), 4u);
  EXPECT_EQ(running[1], "assistant|analysis|||Hm.");
  const auto over = shown("[" + user + "," + reasoning + "," + call + "," + user + "]");
  EXPECT_EQ(over.size(), 4u);
  for (const std::string& message : over) EXPECT_EQ(message.find("analysis"), message.npos) << message;
}

TEST(ResponsesItems, ReasoningOfClientsThatGotItEncrypted) {
  EXPECT_EQ(shown(R"([{"type":"reasoning","summary":[],"content":null,"encrypted_content":null},
      {"type":"reasoning","id":"rs_1","summary":[]}, {"type":"reasoning","encrypted_content":"abc"}])"),
            std::vector<std::string>{});
  const auto read = read_items(Json::array(), json_of(R"([{"type":"reasoning","encrypted_content":"abc"}])"), {});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->warnings, std::vector<std::string>{"input[0] is encrypted and was left out"});
}

TEST(ResponsesItems, ReasoningIsRestoredByTheIdOfTheCall) {
  std::vector<std::string> asked;
  const RestoreReasoning restore = [&asked](std::string_view id) -> std::optional<std::string> {
    asked.emplace_back(id);
    if (id == "c2") return "Restored.";
    return {};
  };
  const std::string items = R"([{"type":"function_call","call_id":"c0","name":"f","arguments":"0"},
      {"role":"user","content":"Go"},
      {"type":"reasoning","content":[{"type":"reasoning_text","text":"Here."}]},
      {"type":"function_call","call_id":"c1","name":"f","arguments":"1"},
      {"type":"function_call_output","call_id":"c1","output":"x"},
      {"type":"reasoning","content":null,"encrypted_content":null},
      {"role":"assistant","content":"Again."},
      {"type":"function_call","call_id":"c2","name":"f","arguments":"2"},
      {"type":"function_call_output","call_id":"c2","output":"y"},
      {"type":"function_call","call_id":"c3","name":"f","arguments":"3"}])";
  const auto messages = shown(items, restore);
  EXPECT_EQ(asked, (std::vector<std::string>{"c2", "c3"}));  // c0 is an earlier turn's, c1 has its own
  ASSERT_EQ(messages.size(), 10u);
  EXPECT_EQ(messages[2], "assistant|analysis|||Here.");
  EXPECT_EQ(messages[5], "assistant|analysis|||Restored.");  // before the preamble, as it was written
  EXPECT_EQ(messages[6], "assistant|commentary|||Again.");
}

TEST(ResponsesItems, ACallThatWasCutIsNoCall) {
  EXPECT_EQ(shown(R"([{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a","status":"incomplete"}])"),
            std::vector<std::string>{});
  EXPECT_EQ(shown(R"([{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a","status":"incomplete"},
      {"type":"function_call_output","call_id":"c","output":"no JSON"}])")
                .size(),
            2u);
}

TEST(ResponsesItems, AReferenceStandsForAnItemThatIsThere) {
  const Json earlier = json_of(R"([{"type":"message","id":"msg_1","role":"user","content":"Hi"}])");
  const auto read = [&](const std::string& items) { return read_items(earlier, json_of(items), {}); };
  const auto known = read(R"([{"type":"item_reference","id":"msg_1"},{"id":"msg_1"}])");
  ASSERT_TRUE(known.ok()) << known.error().message;
  EXPECT_EQ(shown(known->messages), std::vector<std::string>{"user||||Hi"});
  const auto unknown = read(R"([{"type":"item_reference","id":"msg_2"}])");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().status, 400);
  EXPECT_EQ(unknown.error().param, "input[0].id");
  EXPECT_FALSE(read(R"([{"type":"item_reference","id":""}])").ok());
}

TEST(ResponsesItems, ItemsOfToolsThatRanElsewhereAreLeftOut) {
  const auto read = read_items(Json::array(), json_of(R"([{"type":"web_search_call","id":"ws","status":"completed"},
      {"role":"user","content":"Hi"}])"),
                               {});
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->messages.size(), 1u);
  EXPECT_EQ(read->warnings, std::vector<std::string>{"input[0]: an item of type web_search_call was left out"});
}

TEST(ResponsesItems, AdditionalTools) {
  const auto read = read_items(Json::array(), json_of(R"([{"type":"additional_tools","role":"developer",
      "tools":[{"type":"function","name":"late"}]}])"),
                               {});
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->functions.size(), 1u);
  EXPECT_EQ(read->functions[0].name, "late");
}

TEST(ResponsesItems, ErrorsNameTheField) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"([5])", "input[0]"},
      {R"([{"role":"user"}])", "input[0].content"},
      {R"([{"type":"message","content":"x"}])", "input[0].role"},
      {R"([{"role":"tool","content":"x"}])", "input[0].role"},
      {R"([{"role":"user","content":5}])", "input[0].content"},
      {R"([{"role":"assistant","phase":"late","content":"x"}])", "input[0].phase"},
      {R"([{"role":"user","content":[{"type":"input_text","text":"x"},{"type":"input_image","image_url":"u"}]}])",
       "input[0].content[1].type"},
      {R"([{"role":"user","content":[{"type":"input_file","file_id":"f"}]}])", "input[0].content[0].type"},
      {R"([{"type":"reasoning","content":"x"}])", "input[0].content"},
      {R"([{"type":"reasoning","content":[{"type":"reasoning_text","text":"x"},{"type":"image"}]}])",
       "input[0].content[1].type"},
      {R"([{"type":"function_call","arguments":"{}"}])", "input[0].name"},
      {R"([{"type":"function_call","name":"","arguments":"{}"}])", "input[0].name"},
      {R"([{"type":"function_call","name":"f<|message|>","arguments":"{}"}])", "input[0].name"},
      {R"([{"type":"function_call","name":"f","namespace":"a b","arguments":"{}"}])", "input[0].name"},
      {R"([{"type":"function_call","name":"f","arguments":{}}])", "input[0].arguments"},
      {R"([{"type":"custom_tool_call","name":"f"}])", "input[0].input"},
      {R"([{"type":"function_call_output","output":"x"}])", "input[0].call_id"},
      {R"([{"type":"function_call_output","call_id":"c","output":"x"}])", "input[0].call_id"},
      {R"([{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
           {"type":"function_call_output","call_id":"c"}])",
       "input[1].output"},
      {R"([{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
           {"type":"function_call_output","call_id":"c","output":[{"type":"input_image"}]}])",
       "input[1].output[0].type"},
      {R"([{"type":"additional_tools","tools":[{"type":"function"}]}])", "input[0].tools[0].name"},
      {R"([{"type":"compaction","encrypted_content":"x"}])", "input[0].type"},
      {R"([{"type":7}])", "input[0].type"},
  };
  for (const auto& [items, path] : wrong) {
    const auto messages = harmony_of_items(json_of(items));
    ASSERT_FALSE(messages.ok()) << items;
    EXPECT_EQ(messages.error().param, path) << messages.error().message;
    EXPECT_EQ(messages.error().status, 400);
  }
}

TEST(ResponsesItems, ListedItemsHaveIdsTypesAndParts) {
  const Json items = json_of(R"([{"role":"user","content":"Hi"},{"role":"user","content":"Hi"},
      {"type":"reasoning","id":"rs_mine","content":null},{"role":"assistant","content":"Ho"}])");
  const Json listed = listed_items(items, "resp_1");
  ASSERT_EQ(listed.size(), 4u);
  EXPECT_EQ(listed[0]["type"], "message");
  EXPECT_EQ(listed[0]["content"], json_of(R"([{"type":"input_text","text":"Hi"}])"));
  EXPECT_EQ(listed[3]["content"], json_of(R"([{"type":"output_text","text":"Ho","annotations":[]}])"));
  const std::string id = listed[0]["id"];
  EXPECT_TRUE(id.starts_with("msg_")) << id;
  EXPECT_EQ(id.size(), 28u);
  EXPECT_NE(listed[1]["id"], id);
  EXPECT_EQ(listed[2]["id"], "rs_mine");
  EXPECT_EQ(listed_items(items, "resp_1"), listed);
  EXPECT_NE(listed_items(items, "resp_2")[0]["id"], id);
  EXPECT_EQ(shown(*harmony_of_items(listed)), shown(*harmony_of_items(items)));
}

}  // namespace
}  // namespace mxpath::openai
