// JSON that both people and programs can read.
#pragma once
#include <string>

#include "base/json_fwd.h"

namespace mxpath {

/// Two spaces of indentation, but an array of plain values, and an array of such arrays, stays on one line: token ids
/// do not fill the screen. Text that is not UTF-8 gets U+FFFD.
std::string pretty(const Json& json);

}  // namespace mxpath
