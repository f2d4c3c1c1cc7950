// Messages and names as they may be shown.
#pragma once
#include <string>
#include <string_view>

namespace mxpath {

/// What could move a cursor, break a line, turn the direction of text or is no UTF-8 becomes \xNN, byte for byte; other
/// text stays as it is, whatever its script.
std::string visible(std::string_view text);

/// Text of more than `limit` bytes loses its middle; never half a character.
std::string shortened(std::string_view text, size_t limit = 400);

/// A message as one line of bounded length: visible, each word of it shortened (names that somebody typed are the only
/// long ones), and the whole of it.
std::string one_line(std::string_view message);

}  // namespace mxpath
