// What makes the grammar compiler slow, before it is asked. Nothing can stop it once it runs.
#pragma once
#include <string_view>

#include "base/json.h"

namespace mxpath::grammar {

/// Milliseconds that the properties of one object take to compile, roughly; measured on a slow core. enforced: a schema
/// of type object.
double milliseconds_of_object(const Json& enforced);

/// How many characters a pattern has once its repetitions are written out.
double written_out(std::string_view pattern);

}  // namespace mxpath::grammar
