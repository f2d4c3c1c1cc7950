// A line, or a part of it, fit for a report.
#include <algorithm>
#include <cstdint>

#include "base/one_line.h"
#include "diagnose/log_scan.h"

namespace mxpath::diagnose {
namespace {

bool continuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

/// Length of the valid UTF-8 sequence at the start, 0 if there is none.
size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t length = lead < 0x80                   ? 1
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xf0 && lead < 0xf5 ? 4
                                                      : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if (!continuation(text[i])) return 0;
  if (length == 3 && lead == 0xe0 && static_cast<uint8_t>(text[1]) < 0xa0) return 0;
  if (length == 3 && lead == 0xed && static_cast<uint8_t>(text[1]) > 0x9f) return 0;
  if (length == 4 && ((lead == 0xf0 && static_cast<uint8_t>(text[1]) < 0x90) ||
                      (lead == 0xf4 && static_cast<uint8_t>(text[1]) > 0x8f)))
    return 0;
  return length;
}

}  // namespace

std::string message_text(std::string_view text) {
  std::string message;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : ' ';
    if (text[i] == '\\' && (next == '"' || next == '\'' || next == '`' || next == '\\')) continue;
    if (text[i] == '\\' && next == 'n') message.push_back('\n'), ++i;
    else message.push_back(static_cast<uint8_t>(text[i]) < ' ' ? ' ' : text[i]);
  }
  return message;
}

std::string excerpt(std::string_view text, size_t focus, size_t limit) {
  size_t begin = 0;
  if (text.size() > limit) begin = std::min(focus > limit / 2 ? focus - limit / 2 : 0, text.size() - limit);
  std::string_view part = text.substr(begin, limit);
  std::string result = begin > 0 ? "…" : "";
  while (!part.empty() && begin > 0 && continuation(part[0])) part.remove_prefix(1);
  while (!part.empty()) {
    const size_t length = sequence_length(part);
    if (length == 0) result += "?";
    else if (static_cast<uint8_t>(part[0]) < ' ' || part[0] == 127) result += ' ';
    else result.append(part.substr(0, length));
    part.remove_prefix(std::max<size_t>(length, 1));
  }
  if (begin + limit < text.size()) result += "…";
  const size_t first = result.find_first_not_of(' '), last = result.find_last_not_of(' ');
  // What is left to hide: the controls of Latin-1, marks of direction.
  return first == std::string::npos ? std::string() : visible(std::string_view(result).substr(first, last - first + 1));
}

}  // namespace mxpath::diagnose
