#include "server/openai/responses_tools.h"

#include <gtest/gtest.h>

#include "server/openai/responses_names.h"
#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

constexpr const char* tools = R"([{"type":"function","name":"f"},{"type":"custom","name":"patch"},
    {"type":"namespace","name":"crm","description":"Customers.","tools":[{"type":"function","name":"lookup",
     "description":"Finds one."},{"type":"custom","name":"note"}]},{"type":"web_search"}])";

Asked<Question> chosen(const std::string& choice, const std::string& list = tools) {
  Question question;
  MXPATH_TRY(question.functions, read_tools_of_responses(json_of(list), "tools", question.warnings));
  const Json body = {{"tool_choice", json_of(choice)}};
  MXPATH_TRY(const FieldReader fields, FieldReader::open(body));
  MXPATH_CHECK(read_choice_of_responses(fields, question));
  return question;
}

TEST(ResponsesTools, FunctionsCustomToolsAndNamespaces) {
  const auto q = chosen("null");
  ASSERT_TRUE(q.ok()) << q.error().message;
  const auto& functions = q->functions;
  ASSERT_EQ(functions.size(), 4u);
  EXPECT_EQ(functions[0].name, "f");
  EXPECT_TRUE(functions[1].custom);
  EXPECT_EQ(functions[2].name, "crm__lookup");
  EXPECT_EQ(functions[2].space, "crm");
  EXPECT_EQ(functions[2].description, "crm: Customers.\nFinds one.");
  EXPECT_EQ(own_name(functions[2]), "lookup");
  EXPECT_TRUE(functions[3].custom);
  EXPECT_EQ(own_name(functions[3]), "note");
  EXPECT_EQ(own_name(functions[0]), "f");
  EXPECT_EQ(q->warnings,
            std::vector<std::string>{"tools[3]: the tool web_search was left out; the caller runs all tools here"});
}

TEST(ResponsesTools, FlatNamesAndBack) {
  EXPECT_EQ(flat_name("", "f"), "f");
  EXPECT_EQ(flat_name("crm", "f"), "crm__f");
  EXPECT_EQ(flat_name("mcp__crm__", "f"), "mcp__crm__f");
  Function function;
  for (const char* space : {"", "crm", "mcp__crm__", "x_"}) {
    function.space = space;
    function.name = flat_name(space, "f__g");
    EXPECT_EQ(own_name(function), "f__g") << space;
  }
}

TEST(ResponsesTools, Choices) {
  EXPECT_EQ(chosen("\"none\"")->tool_choice, ToolChoice::none);
  EXPECT_EQ(chosen("\"required\"")->tool_choice, ToolChoice::required);
  const std::pair<const char*, const char*> named[] = {
      {R"({"type":"function","name":"f"})", "f"},
      {R"({"type":"custom","name":"patch"})", "patch"},
      {R"({"type":"function","name":"crm__lookup"})", "crm__lookup"},
      {R"({"type":"function","name":"lookup"})", "crm__lookup"},
      {R"({"type":"function","name":"lookup","namespace":"crm"})", "crm__lookup"},
  };
  for (const auto& [choice, name] : named) {
    const auto q = chosen(choice);
    ASSERT_TRUE(q.ok()) << choice << q.error().message;
    EXPECT_EQ(q->tool_choice, ToolChoice::named);
    EXPECT_EQ(q->named, name);
  }
}

TEST(ResponsesTools, AllowedTools) {
  const auto q = chosen(R"({"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"lookup"},
      {"type":"web_search"}]})");
  ASSERT_TRUE(q.ok()) << q.error().message;
  EXPECT_EQ(q->tool_choice, ToolChoice::required);
  ASSERT_EQ(q->functions.size(), 1u);
  EXPECT_EQ(q->functions[0].name, "crm__lookup");
}

TEST(ResponsesTools, AChoiceOfWhatWasLeftOut) {
  for (const char* choice : {R"({"type":"web_search"})", R"({"type":"function","name":"other"})",
                             R"({"type":"function","name":"lookup","namespace":"other"})",
                             R"({"type":"allowed_tools","mode":"required","tools":[{"type":"web_search"}]})", "5"})
    EXPECT_FALSE(chosen(choice).ok()) << choice;
  EXPECT_FALSE(chosen("\"required\"", R"([{"type":"web_search"}])").ok());
  EXPECT_TRUE(chosen("\"auto\"", R"([{"type":"web_search"}])").ok());
}

TEST(ResponsesTools, TooManyAllowedTools) {
  Json many = Json::array();
  for (int i = 0; i < 1025; ++i) many.push_back({{"type", "function"}, {"name", "f"}});
  const Json choice = {{"type", "allowed_tools"}, {"mode", "auto"}, {"tools", many}};
  EXPECT_EQ(chosen(choice.dump()).error().param, "tool_choice.tools");
  many.erase(0);
  EXPECT_TRUE(chosen(Json{{"type", "allowed_tools"}, {"mode", "auto"}, {"tools", many}}.dump()).ok());
}

TEST(ResponsesTools, AnAmbiguousNameIsNobody) {
  EXPECT_FALSE(chosen(R"({"type":"function","name":"x"})", R"([{"type":"namespace","name":"a","tools":[{"name":"x"}]},
      {"type":"namespace","name":"b","tools":[{"name":"x"}]}])")
                   .ok());
}

TEST(ResponsesTools, ErrorsNameTheField) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({})", "tools"},
      {R"([5])", "tools[0]"},
      {R"([{"type":5}])", "tools[0].type"},
      {R"([{"type":"function","name":"a b"}])", "tools[0].name"},
      {R"([{"type":"namespace","tools":[]}])", "tools[0].name"},
      {R"([{"type":"namespace","name":"a b","tools":[]}])", "tools[0].name"},
      {R"([{"type":"namespace","name":"a"}])", "tools[0].tools"},
      {R"([{"type":"namespace","name":"a","tools":[{"name":"x"},{"name":""}]}])", "tools[0].tools[1].name"},
      {R"([{"name":"a__x"},{"type":"namespace","name":"a","tools":[{"name":"x"}]}])", "tools"},
  };
  for (const auto& [list, path] : wrong) {
    const auto q = chosen("null", list);
    ASSERT_FALSE(q.ok()) << list;
    EXPECT_EQ(q.error().param, path) << q.error().message;
  }
}

}  // namespace
}  // namespace mxpath::openai
