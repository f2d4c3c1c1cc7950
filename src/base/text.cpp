#include "base/text.h"

#include <algorithm>
#include <array>

#include "base/one_line.h"

namespace mxpath {

bool glob_match(std::string_view pattern, std::string_view name) {
  // Iterative, so that a pattern of many stars cannot take exponential time.
  size_t p = 0, n = 0, star = std::string_view::npos, mark = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string human_bytes(double bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < units.size()) bytes /= 1024, ++unit;
  if (unit == 0) return fmt::format("{:.0f} B", bytes);
  return fmt::format("{:.{}f} {}", bytes, bytes < 10 ? 2 : bytes < 100 ? 1 : 0, units[unit]);
}

std::string printable(std::string_view text, size_t limit) {
  const std::string all = visible(text.substr(0, 4 * limit));  // no more is looked at than can be shown
  if (all.size() <= limit && text.size() <= 4 * limit) return all;
  size_t end = std::min(limit, all.size());
  while (end > 0 && end < all.size() && (static_cast<unsigned char>(all[end]) & 0xc0) == 0x80) --end;
  return all.substr(0, end) + "…";
}

}  // namespace mxpath
