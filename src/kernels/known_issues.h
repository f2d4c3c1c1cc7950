// The table of known issues.
#pragma once
#include <span>

#include "plan/path.h"

namespace mxpath {

/// Every fault that refuses a row on some machine or in some build. catalogue() holds them too.
std::span<const KnownIssue> known_issues();

}  // namespace mxpath
