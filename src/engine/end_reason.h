// Why an answer ended.
#pragma once
#include <cstdint>
#include <string_view>

namespace mxpath {

enum class EndReason : uint8_t { stop_token, length, context, cancelled, error };
/// "stop", "length", "context", "cancelled" or "error".
std::string_view name_of(EndReason reason);

}  // namespace mxpath
