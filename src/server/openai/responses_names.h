// Names of functions in namespaces, of which the model sees one flat list.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "server/openai/question.h"

namespace mxpath::openai {

/// "crm" and "lookup" → "crm__lookup"; a namespace that ends in an underscore needs no other ("mcp__crm__" →
/// "mcp__crm__lookup"). "" leaves the name as it is.
std::string flat_name(std::string_view space, std::string_view name);

/// The name that the caller gave it inside of its namespace.
std::string own_name(const Function& function);

/// Whether a call of history may have this flat name, which may be older than the tools of this request: 1 to 192
/// letters, digits, "_", "-" and "." of ASCII.
bool is_called_name(std::string_view name);

/// The text of a field, whose type is checked elsewhere; "": none, or no text.
std::string text_at(const Json& object, const char* name);

/// Null: none has the name, as the model sees it.
const Function* find_function(std::span<const Function> functions, std::string_view name);

}  // namespace mxpath::openai
