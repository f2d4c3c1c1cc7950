// What of a JSON schema can be enforced while an answer is generated.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "grammar/answer_rules.h"

namespace mxpath::grammar {

/// Beyond these a schema is refused: compiling it would take minutes.
struct SchemaLimits {
  int depth = 32;               ///< schemas inside schemas
  size_t properties = 5'000;    ///< in all
  size_t enum_values = 1'000;   ///< in all
  size_t characters = 120'000;  ///< of names, values, patterns and references
  double written_out = 5'000;   ///< characters of a pattern whose repetitions are written out
  double milliseconds = 5'000;  ///< that compiling all objects takes, roughly
  double least = 120'000;       ///< characters of the least value that satisfies any schema in it
};

struct CheckedSchema {
  Json enforced;  ///< with the keywords alone that are enforced; every value of it is one of the schema
  std::vector<std::string> warnings;  ///< one sentence for each keyword that is left out
};

/// Looks at every keyword of a schema. Pure; its time is linear in the schema. strict: a keyword that cannot be
/// enforced is an error, else it is left out with a warning. Errors with either: what is no schema, what is too large.
Result<CheckedSchema, SchemaError> check_schema(const Json& schema, bool strict, const SchemaLimits& limits = {});

/// How deep brackets of any kind stand in a pattern or grammar, at most; escaped ones do not count.
int deepest_nesting(std::string_view text);

}  // namespace mxpath::grammar
