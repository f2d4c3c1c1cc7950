// The variables of the process' environment.
#pragma once
#include <string>

namespace mxpath {

/// The value of an environment variable; "" if it is not set.
std::string environment_variable(const char* name);

}  // namespace mxpath
