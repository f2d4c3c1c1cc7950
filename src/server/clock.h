// The two clocks of a server.
#pragma once
#include <chrono>
#include <cstdint>

namespace mxpath::server {

/// Of a clock that never goes back, for lengths of time.
inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// As replies say when they were made.
inline int64_t seconds_since_1970() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace mxpath::server
