// How long work reports how far it is.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

namespace mxpath {

/// Called from time to time with what is being done and how much of it; may be empty. The library never draws.
using Progress = std::function<void(std::string_view what, uint64_t done, uint64_t total)>;

}  // namespace mxpath
