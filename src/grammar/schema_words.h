// The keywords of JSON schemas by what the grammar compiler makes of them.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"

namespace mxpath::grammar {

/// What a keyword is about.
enum class KeywordKind {
  annotation,   ///< says nothing about values
  definitions,  ///< schemas for references
  type,         ///< type
  choice,       ///< $ref, const, enum, anyOf, oneOf, allOf: the compiler looks at the first of them alone
  object,       ///< of values of one type, in the order of JSON's types
  array,
  string,
  number,
  unenforceable,  ///< the compiler ignores it
  unknown,
};
KeywordKind kind_of(std::string_view keyword);

/// The keyword that decides how the compiler reads a schema, "" for type and what goes with it.
std::string_view deciding_choice(const Json& schema);
bool is_json_type(std::string_view name);
/// Whether a value is of a type that `type` of a schema names: a string, or an array of them.
bool is_of_type(const Json& value, const Json& type);
/// A format that the compiler knows.
bool is_known_format(std::string_view format);
/// A pattern instead of the compiler's own for a format; "" if there is none.
std::string_view pattern_of_format(std::string_view format);
/// Whether a value can satisfy one of these schemas at most, by their types alone.
bool have_no_type_in_common(const Json& schemas);
/// Why a pattern cannot be enforced inside a JSON string; "" if it can.
std::string_view problem_of_pattern(std::string_view pattern);
/// The same pattern for a match of the whole text; JSON schemas search.
std::string pattern_of_whole(std::string_view pattern);

}  // namespace mxpath::grammar
