#include "server/openai/tool_fields.h"

#include <gtest/gtest.h>

#include "server/openai/chat_request.h"
#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

std::string param_of_tools(std::string_view text) {
  const auto functions = functions_of(json_of(text), "tools");
  return functions.ok() ? "(no error)" : functions.error().param;
}

TEST(Tools, BothSpellingsAreTheSame) {
  const Json chat = json_of(R"({"type": "function", "function": {"name": "get_weather", "description": "Weather.",
    "strict": true, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}})");
  const Json responses = json_of(R"({"type": "function", "name": "get_weather", "description": "Weather.",
    "strict": true, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}})");
  const Function a = function_of(chat, "tools[0]").value();
  const Function b = function_of(responses, "tools[0]").value();
  for (const Function* f : {&a, &b}) {
    EXPECT_EQ(f->name, "get_weather");
    EXPECT_EQ(f->description, "Weather.");
    EXPECT_TRUE(f->strict);
    EXPECT_FALSE(f->custom);
    ASSERT_TRUE(f->parameters);
    EXPECT_TRUE((*f->parameters)["properties"].contains("city"));
  }
}

TEST(Tools, CustomOnesHaveAFormat) {
  const Json wanted = json_of(R"({"type": "grammar", "syntax": "regex", "definition": "[0-9]+"})");
  const Function chat = function_of(json_of(R"({"type": "custom", "custom": {"name": "n", "format":
    {"type": "grammar", "grammar": {"syntax": "regex", "definition": "[0-9]+"}}}})"),
                                    "t")
                            .value();
  const Function responses = function_of(json_of(R"({"type": "custom", "name": "n", "format":
    {"type": "grammar", "syntax": "regex", "definition": "[0-9]+"}})"),
                                         "t")
                                 .value();
  EXPECT_TRUE(chat.custom);
  ASSERT_TRUE(chat.text_format);
  EXPECT_EQ(*chat.text_format, wanted);
  ASSERT_TRUE(responses.text_format);
  EXPECT_EQ(*responses.text_format, wanted);
  EXPECT_FALSE(
      function_of(json_of(R"({"type": "custom", "name": "n", "format": {"type": "text"}})"), "t")->text_format);
}

TEST(Tools, WrongOnesAreNamedByTheirPath) {
  EXPECT_EQ(param_of_tools(R"({})"), "tools");
  EXPECT_EQ(param_of_tools(R"([1])"), "tools[0]");
  EXPECT_EQ(param_of_tools(R"([{"type": "web_search"}])"), "tools[0].type");
  EXPECT_EQ(param_of_tools(R"([{"type": "function", "function": {}}])"), "tools[0].function.name");
  EXPECT_EQ(param_of_tools(R"([{"type": "function", "name": "a b"}])"), "tools[0].name");
  EXPECT_EQ(param_of_tools(R"([{"type": "function", "name": ""}])"), "tools[0].name");
  EXPECT_EQ(param_of_tools(R"([{"name": ")" + std::string(65, 'a') + R"("}])"), "tools[0].name");
  EXPECT_EQ(param_of_tools(R"([{"name": ")" + std::string(64, 'a') + R"("}])"), "(no error)");
  EXPECT_EQ(param_of_tools(R"([{"name": "a", "parameters": "none"}])"), "tools[0].parameters");
  EXPECT_EQ(param_of_tools(R"([{"name": "a", "strict": 1}])"), "tools[0].strict");
  EXPECT_EQ(param_of_tools(R"([{"name": "a"}, {"name": "b"}, {"name": "a"}])"), "tools");
  EXPECT_EQ(param_of_tools(R"([{"type": "custom", "name": "a", "format": {"type": "grammar"}}])"),
            "tools[0].format.definition");
  EXPECT_EQ(param_of_tools(R"([{"type": "custom", "name": "a",
    "format": {"type": "grammar", "definition": "x", "syntax": "bnf"}}])"),
            "tools[0].format.syntax");
}

struct Chosen {
  Question question;
  std::string param;  // of the error
};

Chosen choose(std::string_view body, std::vector<std::string> names = {"alpha", "beta"}) {
  Chosen out;
  for (std::string& name : names) out.question.functions.push_back(function_named(std::move(name)));
  const Json json = json_of(body);
  const auto read = read_tool_choice(FieldReader::open(json).value(), out.question);
  if (!read.ok()) out.param = read.error().param;
  return out;
}

TEST(ToolChoice, WordsAndNames) {
  EXPECT_EQ(choose("{}").question.tool_choice, ToolChoice::automatic);
  EXPECT_EQ(choose(R"({"tool_choice": null})").question.tool_choice, ToolChoice::automatic);
  EXPECT_EQ(choose(R"({"tool_choice": "auto"})").question.tool_choice, ToolChoice::automatic);
  EXPECT_EQ(choose(R"({"tool_choice": "none"})").question.tool_choice, ToolChoice::none);
  EXPECT_EQ(choose(R"({"tool_choice": "required"})").question.tool_choice, ToolChoice::required);
  for (const char* body : {R"({"tool_choice": {"type": "function", "function": {"name": "beta"}}})",
                           R"({"tool_choice": {"type": "function", "name": "beta"}})",
                           R"({"tool_choice": {"type": "custom", "custom": {"name": "beta"}}})"}) {
    const Chosen chosen = choose(body);
    EXPECT_EQ(chosen.question.tool_choice, ToolChoice::named) << body;
    EXPECT_EQ(chosen.question.named, "beta");
  }
}

TEST(ToolChoice, AllowedToolsLeaveTheOthersOut) {
  for (const char* body : {R"({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required",
                               "tools": [{"type": "function", "function": {"name": "beta"}}]}}})",
                           R"({"tool_choice": {"type": "allowed_tools", "mode": "required",
                               "tools": [{"type": "function", "name": "beta"}]}})"}) {
    const Question question = choose(body).question;
    ASSERT_EQ(question.functions.size(), 1u);
    EXPECT_EQ(question.functions[0].name, "beta");
    EXPECT_EQ(question.tool_choice, ToolChoice::required);
    EXPECT_EQ(question.warnings.size(), 1u);
  }
}

TEST(ToolChoice, WrongOnesAreErrors) {
  EXPECT_EQ(choose(R"({"tool_choice": "any"})").param, "tool_choice");
  EXPECT_EQ(choose(R"({"tool_choice": 1})").param, "tool_choice");
  EXPECT_EQ(choose(R"({"tool_choice": "required"})", {}).param, "tool_choice");
  EXPECT_EQ(choose(R"({"tool_choice": {"type": "function", "function": {"name": "gamma"}}})").param,
            "tool_choice.function.name");
  EXPECT_EQ(choose(R"({"tool_choice": {"type": "web_search"}})").param, "tool_choice.type");
  EXPECT_EQ(choose(R"({"tool_choice": {"type": "allowed_tools", "mode": "auto"}})").param, "tool_choice.tools");
}

TEST(DeveloperMessage, SaysWhatThereIsToSay) {
  EXPECT_FALSE(developer_message("", {}, {}));
  const std::vector<Function> functions = {function_named("f"), function_named("c", true)};
  ResponseFormat format;
  format.kind = ResponseFormat::Kind::json_schema;
  format.name = "shape";
  format.schema = {{"type", "object"}};
  const auto message = developer_message("Be short.", functions, format);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->role, harmony::Role::developer);
  EXPECT_EQ(message->developer->instructions, "Be short.");
  ASSERT_EQ(message->developer->tools.size(), 1u);
  EXPECT_EQ(message->developer->tools[0].name, "functions");
  EXPECT_FALSE(message->developer->tools[0].tools[0].parameters);
  EXPECT_EQ(message->developer->tools[0].tools[1].parameters->dump(), R"({"type":"string"})");
  ASSERT_EQ(message->developer->response_formats.size(), 1u);
  EXPECT_EQ(message->developer->response_formats[0].name, "shape");
  EXPECT_FALSE(developer_message("", functions, {})->developer->instructions);
}

}  // namespace
}  // namespace mxpath::openai
