#include "base/nearest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace mxpath {
namespace {

constexpr size_t longest_typed = 100, most_names = 8, least_part = 3;

/// "RTX 4090" → "rtx4090". Letters outside of ASCII count as they are.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, longest_typed)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte)) out += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
  }
  return out;
}

/// Letters put in, left out, replaced, and neighbours exchanged, that lead from one text to the other.
size_t slips(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j - 1] + (a[i - 1] != b[j - 1]), last[j] + 1, row[j - 1] + 1});
      const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last.back();
}

struct Name {
  std::string_view name;
  std::string plain;
};

std::vector<std::string_view> those(const std::vector<Name>& names, auto holds) {
  std::vector<std::string_view> out;
  for (const Name& one : names)
    if (holds(one.plain) && !std::ranges::count(out, one.name)) out.push_back(one.name);
  if (out.size() > most_names) out.resize(most_names);
  return out;
}

std::vector<std::string_view> by_slips(const std::string& wanted, const std::vector<Name>& names) {
  size_t best = std::max<size_t>((wanted.size() + 1) / 3, 1) + 1;
  std::vector<std::string_view> nearest;
  for (const Name& one : names)
    if (const size_t distance = slips(wanted, one.plain); distance < best) best = distance, nearest = {one.name};
  return nearest;
}

}  // namespace

std::vector<std::string_view> nearest_names(std::string_view typed, std::span<const std::string_view> names) {
  const std::string wanted = plain(typed);
  if (wanted.empty()) return {};
  std::vector<Name> all;
  for (const std::string_view name : names) all.push_back({name, plain(name)});
  const auto is_it = [&](const std::string& name) { return name == wanted; };
  const auto begins = [&](const std::string& name) { return wanted.size() > 1 && name.starts_with(wanted); };
  const auto contains = [&](const std::string& name) { return wanted.size() > 1 && name.find(wanted) != name.npos; };
  const auto is_part = [&](const std::string& name) {
    return name.size() >= least_part && wanted.find(name) != wanted.npos;
  };
  for (auto found :
       {those(all, is_it), those(all, begins), those(all, contains), by_slips(wanted, all), those(all, is_part)})
    if (!found.empty()) return found;
  return {};
}

std::string nearest_note(std::string_view typed, std::span<const std::string_view> names) {
  const auto nearest = nearest_names(typed, names);
  if (nearest.empty()) return "";
  return fmt::format(" (the nearest name{} {})", nearest.size() == 1 ? " is" : "s are", fmt::join(nearest, ", "));
}

}  // namespace mxpath
