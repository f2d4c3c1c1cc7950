// Files of token ids.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mxpath {

/// `[1, 2, 3]` or `{"tokens": [1, 2, 3]}`. Errors: not JSON, another form, no ids, something that is not an integer, an
/// id outside [0, vocab); each names the place in the list.
Result<std::vector<int32_t>> parse_token_file(std::string_view json, std::string_view where, int vocab);
/// The same from a file or a pipe; `-` reads standard input.
Result<std::vector<int32_t>> read_token_file(const std::string& path, int vocab);

/// More is not read of what the user names or sends.
inline constexpr uint64_t input_limit = uint64_t{1} << 30;

/// All of standard input, up to the limit. Error: it cannot be read, or is longer.
Result<std::string> read_standard_input();

}  // namespace mxpath
