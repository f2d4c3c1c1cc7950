// The GPT-2 byte-level alphabet: one printable character for each byte.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxpath {

/// Appends the bytes that a byte-level string ("Ġhello") stands for. Returns false, with nothing appended, at a
/// character outside the alphabet. Bytes 33–126, 161–172 and 174–255 stand for themselves; the other 68 are U+0100… in
/// increasing order.
bool append_byte_level(std::string_view text, std::vector<char>& out);

/// The byte-level string of some bytes.
std::string to_byte_level(std::string_view bytes);

}  // namespace mxpath
