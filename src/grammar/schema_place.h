// Where something stands in a schema: as a JSON pointer, and in words.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"

namespace mxpath::grammar {

/// A JSON pointer to what `name` names in the value at `pointer`.
std::string joined(std::string_view pointer, std::string_view name);

/// What a JSON pointer leads to; null: nothing, or it is none. Nlohmann's own throws on places that no computer counts.
const Json* pointed_to(const Json& root, std::string_view pointer);

/// A pointer to a schema inside a schema as a person says it: `in the items of property "a"`.
std::string place_in_words(std::string_view pointer);

}  // namespace mxpath::grammar
