#include "chat/byte_level.h"

#include <array>
#include <cstdint>

namespace mxpath {
namespace {

constexpr int alphabet_end = 0x100 + 68;

struct Alphabet {
  std::array<int, 256> code_point{};
  std::array<int, alphabet_end> byte{};
};

constexpr bool stands_for_itself(int byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte.fill(-1);
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const int code_point = stands_for_itself(byte) ? byte : next++;
    alphabet.code_point[static_cast<size_t>(byte)] = code_point;
    alphabet.byte[static_cast<size_t>(code_point)] = byte;
  }
  return alphabet;
}

constexpr Alphabet alphabet = make_alphabet();

}  // namespace

bool append_byte_level(std::string_view text, std::vector<char>& out) {
  const size_t before = out.size();
  for (size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<uint8_t>(text[i]);
    int code_point = first;
    // The whole alphabet lies below U+0800: one byte, or two.
    if (first >= 0x80)
      code_point = first >= 0xe0 || i + 1 == text.size()
                       ? alphabet_end
                       : (first & 0x1f) << 6 | (static_cast<uint8_t>(text[++i]) & 0x3f);
    const int byte = code_point < alphabet_end ? alphabet.byte[static_cast<size_t>(code_point)] : -1;
    if (byte < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(byte));
  }
  return true;
}

std::string to_byte_level(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const int code_point = alphabet.code_point[static_cast<uint8_t>(c)];
    if (code_point < 0x80) {
      out += static_cast<char>(code_point);
    } else {
      out += static_cast<char>(0xc0 | code_point >> 6);
      out += static_cast<char>(0x80 | (code_point & 0x3f));
    }
  }
  return out;
}

}  // namespace mxpath
