#include "base/one_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace mxpath {
namespace {

constexpr size_t longest_message = 4000;

constexpr bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Length and value of the character that `text` begins with; length 0: it is no UTF-8.
struct Character {
  size_t length;
  uint32_t value;
};

Character first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80                   ? 1
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xf0 && lead < 0xf5 ? 4
                                                      : 0;
  if (length == 0 || length > text.size()) return {0, 0};
  uint32_t value = length == 1 ? lead : lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if (!continues(text[i])) return {0, 0};
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  constexpr uint32_t shortest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool wrong = value < shortest[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000);
  return {wrong ? 0 : length, value};
}

/// Control characters of ASCII and Latin-1; the ends of lines and paragraphs, marks of direction, and characters
/// without a width.
bool is_control(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200b || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c < 0xe0080);
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = first_of(text);
    const size_t length = std::max<size_t>(c.length, 1);
    if (c.length > 0 && !is_control(c.value)) out += text.substr(0, length);
    else
      for (const unsigned char byte : text.substr(0, length)) out += fmt::format("\\x{:02x}", byte);
    text.remove_prefix(length);
  }
  return out;
}

std::string shortened(std::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  size_t head = limit * 2 / 3, tail = text.size() - (limit - head);
  while (head > 0 && continues(text[head])) --head;
  while (tail < text.size() && continues(text[tail])) ++tail;
  return fmt::format("{}…{}", text.substr(0, head), text.substr(tail));
}

std::string one_line(std::string_view message) {
  const std::string text = visible(message);
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    out += shortened(std::string_view(text).substr(at, end - at));
    if (end < text.size()) out += ' ';
    at = end + 1;
  }
  return shortened(out, longest_message);
}

}  // namespace mxpath
