#include "chat/utf8.h"

#include "chat/tokenizer.h"

namespace mxpath {
namespace {

struct LeadByte {
  int length;
  uint8_t second_low, second_high;
};

// Table 3-7: the second byte's range keeps out overlong forms, surrogates and what lies above U+10FFFF.
LeadByte lead_byte(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xc2) return {0, 0, 0};
  if (byte < 0xe0) return {2, 0x80, 0xbf};
  if (byte < 0xf0)
    return {3, static_cast<uint8_t>(byte == 0xe0 ? 0xa0 : 0x80), static_cast<uint8_t>(byte == 0xed ? 0x9f : 0xbf)};
  if (byte < 0xf5)
    return {4, static_cast<uint8_t>(byte == 0xf0 ? 0x90 : 0x80), static_cast<uint8_t>(byte == 0xf4 ? 0x8f : 0xbf)};
  return {0, 0, 0};
}

// Takes what is complete from the front of `text`; returns what must wait for more bytes.
std::string_view take_complete(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const size_t valid = valid_utf8_prefix(text);
    out += text.substr(0, valid);
    text.remove_prefix(valid);
    if (text.empty()) break;
    const Utf8Step step = utf8_step(text);
    if (step.cut) break;
    out += replacement_character;
    text.remove_prefix(step.length);
  }
  return text;
}

}  // namespace

Utf8Step utf8_step(std::string_view text) {
  if (text.empty()) return {0, false, true};
  const LeadByte lead = lead_byte(static_cast<uint8_t>(text[0]));
  if (lead.length == 0) return {1, false, false};
  for (int i = 1; i < lead.length; ++i) {
    const auto length = static_cast<uint8_t>(i);
    if (static_cast<size_t>(i) >= text.size()) return {length, false, true};
    const auto byte = static_cast<uint8_t>(text[i]);
    const uint8_t low = i == 1 ? lead.second_low : 0x80, high = i == 1 ? lead.second_high : 0xbf;
    if (byte < low || byte > high) return {length, false, false};
  }
  return {static_cast<uint8_t>(lead.length), true, false};
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const Utf8Step step = utf8_step(text.substr(at, 4));
    if (!step.valid) break;
    at += step.length;
  }
  return at;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  if (!take_complete(text, out).empty()) out += replacement_character;
  return out;
}

std::string Utf8Stream::push(std::string_view bytes) {
  pending_ += bytes;
  std::string out;
  pending_ = std::string(take_complete(pending_, out));
  return out;
}

std::string Utf8Stream::flush() {
  std::string out(pending_.empty() ? std::string_view() : replacement_character);
  pending_.clear();
  return out;
}

}  // namespace mxpath
