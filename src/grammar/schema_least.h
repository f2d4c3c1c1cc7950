// The least value that satisfies a schema: an answer that has begun one has to come to its end.
#pragma once
#include <optional>
#include <string>

#include "base/json.h"

namespace mxpath::grammar {

/// A schema inside a schema that no value of bearable length satisfies.
struct Endless {
  std::string at, keyword;  ///< JSON pointer to the schema, and the keyword of it that is to blame; "": none alone
  std::string why;
};

/// Characters of the least value that satisfies a schema, roughly; infinite: none, or it would hold itself. Patterns
/// and bounds of numbers do not count. The time is linear in the schema, but for references in circles.
double least_of(const Json& schema);

/// The first schema in a checked one whose least value has more than `limit` characters; none: there is no such schema.
/// What no value satisfies at all without any reference is not looked for.
std::optional<Endless> first_endless(const Json& enforced, double limit);

}  // namespace mxpath::grammar
