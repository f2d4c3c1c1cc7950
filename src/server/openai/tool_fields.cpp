#include "server/openai/tool_fields.h"

#include <algorithm>
#include <array>

#include "base/nearest.h"
#include "base/text.h"

namespace mxpath::openai {
namespace {

constexpr size_t longest_name = 64;

/// The object that holds the fields of a tool: the one named as its type, or the tool itself.
Asked<FieldReader> body_of(const FieldReader& tool, std::string_view type) {
  MXPATH_TRY(auto nested, tool.object(type));
  return nested ? std::move(*nested) : tool;
}

Asked<std::string> type_of(const FieldReader& tool) {
  std::string type = "function";
  MXPATH_CHECK(tool.text("type", type));
  return type;
}

Asked<std::string> name_in(const FieldReader& body) {
  std::string name;
  MXPATH_CHECK(body.need("name"));
  MXPATH_CHECK(body.text("name", name));
  if (is_function_name(name)) return name;
  return bad_field(body.path_of("name"),
                   "{} must be 1 to {} letters, digits, \"_\" or \"-\" of ASCII, but it is \"{}\"",
                   body.path_of("name"), longest_name, printable(name));
}

/// {"type": "grammar", "syntax", "definition"}, whatever its spelling; none: any text.
Asked<std::optional<Json>> text_format_of(const FieldReader& body) {
  constexpr auto types = std::to_array<std::string_view>({"text", "grammar"});
  constexpr auto syntaxes = std::to_array<std::string_view>({"lark", "regex"});
  MXPATH_TRY(const auto format, body.object("format"));
  if (!format) return std::optional<Json>();
  MXPATH_CHECK(format->need("type"));
  MXPATH_TRY(const auto type, format->choice("type", types));
  if (type == 0u) return std::optional<Json>();
  MXPATH_TRY(const FieldReader grammar, body_of(*format, "grammar"));
  std::string definition;
  MXPATH_CHECK(grammar.need("definition"));
  MXPATH_CHECK(grammar.text("definition", definition));
  MXPATH_CHECK(grammar.need("syntax"));
  MXPATH_TRY(const auto syntax, grammar.choice("syntax", syntaxes));
  return std::optional<Json>({{"type", "grammar"}, {"syntax", syntaxes[*syntax]}, {"definition", definition}});
}

std::vector<std::string_view> names_of(std::span<const Function> functions) {
  std::vector<std::string_view> names;
  for (const Function& function : functions) names.push_back(function.name);
  return names;
}

/// The name in a choice of one function, which must be there.
Asked<std::string> chosen_name(const FieldReader& choice, std::string_view type, const Question& question) {
  MXPATH_TRY(const FieldReader body, body_of(choice, type));
  MXPATH_TRY(const std::string name, name_in(body));
  const auto names = names_of(question.functions);
  if (std::ranges::find(names, name) == names.end())
    return bad_field(body.path_of("name"), "{} is \"{}\", which is none of the tools{}", body.path_of("name"), name,
                     nearest_note(name, names));
  return name;
}

/// "none", "auto" or "required".
Asked<void> read_mode(const FieldReader& fields, std::string_view name, Question& question) {
  constexpr auto modes = std::to_array<std::string_view>({"auto", "none", "required"});
  MXPATH_TRY(const auto mode, fields.choice(name, modes));
  if (!mode) return {};
  question.tool_choice = std::array{ToolChoice::automatic, ToolChoice::none, ToolChoice::required}[*mode];
  if (question.tool_choice == ToolChoice::required && question.functions.empty())
    return bad_field(fields.path_of(name), "{} is \"required\", but there are no tools", fields.path_of(name));
  return {};
}

Asked<void> read_allowed(const FieldReader& choice, Question& question) {
  MXPATH_TRY(const FieldReader body, body_of(choice, "allowed_tools"));
  MXPATH_CHECK(body.need("tools"));
  MXPATH_TRY(const Json* tools, body.list("tools"));
  std::vector<std::string> allowed;
  for (size_t i = 0; i < tools->size(); ++i) {
    MXPATH_TRY(const FieldReader tool, FieldReader::open((*tools)[i], path_of_item(body.path_of("tools"), i)));
    MXPATH_TRY(const std::string type, type_of(tool));
    MXPATH_TRY(allowed.emplace_back(), chosen_name(tool, type, question));
  }
  const auto left_out = std::erase_if(
      question.functions, [&](const Function& f) { return std::ranges::find(allowed, f.name) == allowed.end(); });
  if (left_out > 0)
    question.warnings.push_back(fmt::format("{} allows {} of the tools; the others were left out of the prompt",
                                            choice.path(), question.functions.size()));
  return read_mode(body, "mode", question);
}

}  // namespace

bool is_function_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= longest_name && std::ranges::all_of(name, fits);
}

Asked<Function> function_of(const Json& json, const std::string& path) {
  MXPATH_TRY(const FieldReader tool, FieldReader::open(json, path));
  MXPATH_TRY(const std::string type, type_of(tool));
  if (type != "function" && type != "custom")
    return bad_field(tool.path_of("type"), "{}: a tool of type \"{}\" cannot be offered; function and custom can", path,
                     printable(type));
  MXPATH_TRY(const FieldReader body, body_of(tool, type));
  Function function;
  function.custom = type == "custom";
  MXPATH_TRY(function.name, name_in(body));
  MXPATH_CHECK(body.text("description", function.description));
  if (function.custom) {
    MXPATH_TRY(function.text_format, text_format_of(body));
    return function;
  }
  MXPATH_CHECK(body.flag("strict", function.strict));
  MXPATH_TRY(const auto parameters, body.object("parameters"));
  if (parameters) function.parameters = parameters->json();
  return function;
}

Asked<std::vector<Function>> functions_of(const Json& tools, const std::string& path) {
  if (!tools.is_array()) return wrong_type(path, "a list", tools);
  std::vector<Function> functions;
  for (size_t i = 0; i < tools.size(); ++i) {
    MXPATH_TRY(functions.emplace_back(), function_of(tools[i], path_of_item(path, i)));
  }
  MXPATH_CHECK(check_names(functions, path));
  return functions;
}

Asked<void> check_names(std::span<const Function> functions, const std::string& path) {
  std::vector<std::string_view> names = names_of(functions);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice == names.end()) return {};
  return bad_field(path, "{} has the name \"{}\" twice", path, *twice);
}

Asked<void> read_tool_choice(const FieldReader& fields, Question& question) {
  const Json* value = fields.find("tool_choice");
  if (!value) return {};
  if (value->is_string()) return read_mode(fields, "tool_choice", question);
  if (!value->is_object()) return wrong_type(fields.path_of("tool_choice"), "a text or an object", *value);
  MXPATH_TRY(const FieldReader choice, FieldReader::open(*value, fields.path_of("tool_choice")));
  MXPATH_TRY(const std::string type, type_of(choice));
  if (type == "allowed_tools") return read_allowed(choice, question);
  if (type != "function" && type != "custom")
    return bad_field(choice.path_of("type"), "{} is \"{}\"; it must be function, custom or allowed_tools",
                     choice.path_of("type"), printable(type));
  MXPATH_TRY(question.named, chosen_name(choice, type, question));
  question.tool_choice = ToolChoice::named;
  return {};
}

}  // namespace mxpath::openai
