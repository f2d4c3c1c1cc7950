// JSON text to values without exceptions, with errors that say where.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/result.h"

namespace mxpath {

/// Parses one JSON document. `where` (a file name) starts every error. Errors: not UTF-8, not JSON (with the byte where it
/// went wrong), a key twice in one object, nesting deeper than 256.
Result<Json> parse_json(std::string_view text, std::string_view where);

}  // namespace mxpath
