// Tools and tool_choice in both spellings: Chat nests {"type", "function": {"name", …}}, Responses is flat.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/openai/field_reader.h"
#include "server/openai/question.h"

namespace mxpath::openai {

/// Whether a function may have this name: 1 to 64 of A-Z, a-z, 0-9, _ and -.
bool is_function_name(std::string_view name);

/// One tool of type "function" or "custom". A type that is missing is "function". Errors: another type, a name that is
/// missing or not allowed, parameters that are no object, a format that is neither text nor a grammar.
Asked<Function> function_of(const Json& tool, const std::string& path);

/// Every tool of a list, which holds nothing else. Errors: those of function_of, and of check_names.
Asked<std::vector<Function>> functions_of(const Json& tools, const std::string& path);
/// Error: a name twice; `path` is that of the list.
Asked<void> check_names(std::span<const Function> functions, const std::string& path);

/// Reads the field "tool_choice": "none", "auto", "required", a function or custom tool by name, or allowed_tools with
/// a mode (the functions that are not allowed leave `question`, with a warning). The functions of the question must be
/// there already. Errors: a choice of another form, of a function that is not there, of any function where there is
/// none.
Asked<void> read_tool_choice(const FieldReader& fields, Question& question);

}  // namespace mxpath::openai
