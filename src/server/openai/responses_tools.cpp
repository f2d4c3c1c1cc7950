#include "server/openai/responses_tools.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "server/openai/responses_names.h"
#include "server/openai/tool_fields.h"

namespace mxpath::openai {
namespace {

constexpr size_t most_allowed = 1024;

bool is_callable(std::string_view type) { return type == "function" || type == "custom"; }

Asked<std::vector<Function>> functions_of_space(const FieldReader& space) {
  std::string name, description;
  MXPATH_CHECK(space.need("name"));
  MXPATH_CHECK(space.text("name", name));
  MXPATH_CHECK(space.text("description", description));
  if (!is_function_name(name))
    return bad_field(space.path_of("name"), "{} must be letters, digits, \"_\" or \"-\" of ASCII, but it is \"{}\"",
                     space.path_of("name"), printable(name));
  MXPATH_CHECK(space.need("tools"));
  MXPATH_TRY(const Json* tools, space.list("tools"));
  MXPATH_TRY(std::vector<Function> functions, functions_of(*tools, space.path_of("tools")));
  for (Function& function : functions) {
    function.space = name;
    function.name = flat_name(name, function.name);
  }
  // The model sees one list, so what is said about a part of it stands where that begins.
  if (!functions.empty() && !description.empty()) {
    std::string& first = functions.front().description;
    first = fmt::format("{}: {}{}{}", name, description, first.empty() ? "" : "\n", first);
  }
  return functions;
}

/// The name as the model sees it: in the namespace that the choice names, or in the only one that has it.
std::string chosen(const Json& choice, const std::vector<Function>& functions) {
  const std::string name = text_at(choice, "name"), space = text_at(choice, "namespace");
  if (!space.empty()) return flat_name(space, name);
  if (find_function(functions, name)) return name;
  const auto has_name = [&](const Function& function) { return own_name(function) == name; };
  const auto found = std::ranges::find_if(functions, has_name);
  return found != functions.end() && std::ranges::count_if(functions, has_name) == 1 ? found->name : name;
}

Json with_flat_name(Json choice, const std::vector<Function>& functions) {
  if (is_callable(text_at(choice, "type")) && choice.contains("name")) choice["name"] = chosen(choice, functions);
  return choice;
}

/// A choice with flat names; of those that are allowed, the ones that can be.
Asked<Json> with_flat_names(Json choice, Question& question) {
  if (!choice.is_object()) return choice;
  choice = with_flat_name(std::move(choice), question.functions);
  if (text_at(choice, "type") != "allowed_tools" || !choice.contains("tools") || !choice["tools"].is_array())
    return choice;
  if (choice["tools"].size() > most_allowed)
    return bad_field("tool_choice.tools", "tool_choice.tools may have up to {} tools, but it has {}", most_allowed,
                     choice["tools"].size());
  Json tools = Json::array();
  for (const Json& tool : choice["tools"]) {
    if (const std::string type = text_at(tool, "type"); !type.empty() && !is_callable(type))
      question.warnings.push_back(fmt::format("tool_choice.tools: {} was left out", printable(type)));
    else tools.push_back(with_flat_name(tool, question.functions));
  }
  choice["tools"] = std::move(tools);
  return choice;
}

}  // namespace

Asked<std::vector<Function>> read_tools_of_responses(const Json& tools, const std::string& path,
                                                     std::vector<std::string>& warnings) {
  if (!tools.is_array()) return wrong_type(path, "a list", tools);
  std::vector<Function> all;
  for (size_t i = 0; i < tools.size(); ++i) {
    MXPATH_TRY(const FieldReader tool, FieldReader::open(tools[i], path_of_item(path, i)));
    std::string type = "function";
    MXPATH_CHECK(tool.text("type", type));
    if (type == "namespace") {
      MXPATH_TRY(std::vector<Function> functions, functions_of_space(tool));
      std::ranges::move(functions, std::back_inserter(all));
    } else if (is_callable(type)) {
      MXPATH_TRY(all.emplace_back(), function_of(tools[i], tool.path()));
    } else {
      warnings.push_back(
          fmt::format("{}: the tool {} was left out; the caller runs all tools here", tool.path(), printable(type)));
    }
  }
  MXPATH_CHECK(check_names(all, path));
  return all;
}

Asked<void> read_choice_of_responses(const FieldReader& fields, Question& question) {
  const Json* value = fields.find("tool_choice");
  if (!value) return {};
  MXPATH_TRY(Json choice, with_flat_names(*value, question));
  const Json body = {{"tool_choice", std::move(choice)}};
  MXPATH_TRY(const FieldReader flat, FieldReader::open(body));
  return read_tool_choice(flat, question);
}

}  // namespace mxpath::openai
