// Package versions and conditions on them.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mxpath::diagnose {

/// Package name (lower case, '_' and '.' as '-') to version. "absent" says that the package is known not to be there.
using Versions = std::map<std::string, std::string>;

std::string canonical_package(std::string_view name);

/// -1, 0, 1 by the dotted numbers; "3.5" equals "3.5.0". A pre-release (rc, a, b, dev) comes before its release; a
/// local part
/// (+cu128) does not count.
int compare_versions(std::string_view a, std::string_view b);

/// "triton=3.5.1 kernels==0.9.0, vllm=absent" → Versions. Error: a part without '='.
Result<Versions> parse_versions(std::string_view text);

/// Whether conditions such as "triton>=3.4 triton<3.6 kernels=absent" hold. nullopt: a package they name is not known.
/// With several conditions, one that fails decides.
std::optional<bool> holds(std::string_view conditions, const Versions& versions);

}  // namespace mxpath::diagnose
