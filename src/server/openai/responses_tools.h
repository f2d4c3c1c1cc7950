// Tools of /v1/responses: what the model can call of them.
#pragma once
#include <string>
#include <vector>

#include "server/openai/field_reader.h"
#include "server/openai/question.h"

namespace mxpath::openai {

/// Functions, custom tools and those of namespaces. Tools that a server would have to run itself (web_search, mcp, …)
/// are left out with a warning. Errors: not a list, a field of a tool that is wrong, a name twice.
Asked<std::vector<Function>> read_tools_of_responses(const Json& tools, const std::string& path,
                                                     std::vector<std::string>& warnings);

/// tool_choice, where names may be those inside of a namespace. `question.functions` are there already. Errors: those
/// of read_tool_choice; a tool that was left out.
Asked<void> read_choice_of_responses(const FieldReader& fields, Question& question);

}  // namespace mxpath::openai
