// UTF-8 as the Unicode standard reads it, valid or not.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace mxpath {

inline constexpr std::string_view replacement_character = "\xef\xbf\xbd";

/// The first character of a text, or the first maximal invalid subsequence (Unicode 15, §3.9, table 3-7).
struct Utf8Step {
  uint8_t length = 0;  ///< bytes
  bool valid = false;  ///< a whole character
  bool cut = false;    ///< the text ends inside what may become a character
};
Utf8Step utf8_step(std::string_view text);

/// Length of the longest valid prefix.
size_t valid_utf8_prefix(std::string_view text);
/// The text with U+FFFD for each maximal invalid subsequence.
std::string to_valid_utf8(std::string_view text);

}  // namespace mxpath
