// The text inside system and developer messages, as openai/harmony v0.0.8 writes it.
#pragma once
#include <string>
#include <vector>

#include "chat/harmony.h"

namespace mxpath::harmony {

/// The TypeScript type of a JSON schema, as openai/harmony writes it; `indent` stands before its inner lines.
std::string typescript_type(const Json& schema, const std::string& indent);
/// "# Tools" and one block for each namespace, by name.
std::string tools_section(std::vector<ToolNamespace> tools);

/// `function_tools`: some developer message defines functions, so the text says on which channel they are called.
std::string system_text(const SystemContent& content, bool function_tools);
std::string developer_text(const DeveloperContent& content);

/// Splits a text as Rust's str::lines does: at \n or \r\n, without an empty line at the end.
std::vector<std::string> lines_of(std::string_view text);

}  // namespace mxpath::harmony
