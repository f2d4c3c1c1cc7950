// Where the library's remarks go.
#pragma once
#include <spdlog/logger.h>

namespace mxpath {

/// The library's logger. Silent until a program gives it sinks: the library never prints by itself.
spdlog::logger& log();

}  // namespace mxpath
