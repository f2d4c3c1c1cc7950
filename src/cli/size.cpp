#include "cli/size.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

namespace mxpath::cli {
namespace {

/// Bytes of a unit in lower case; 0 if there is no such unit.
uint64_t unit_bytes(std::string_view unit) {
  constexpr std::string_view letters = "kmgtp";
  if (unit.empty() || unit == "b") return 1;
  const size_t power = letters.find(unit.front());
  const std::string_view rest = unit.substr(1);
  if (power == letters.npos) return 0;
  if (rest == "i" || rest == "ib") return uint64_t{1} << (10 * (power + 1));
  uint64_t bytes = 1;
  for (size_t i = 0; i <= power; ++i) bytes *= 1000;
  return rest.empty() || rest == "b" ? bytes : 0;
}

std::string in_lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  constexpr uint64_t too_much = uint64_t{1} << 62;
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, end);
  const uint64_t factor =
      unit_bytes(in_lower_case(text.substr(std::min(text.find_first_not_of(' ', end), text.size()))));
  if (number.empty() || factor == 0) return std::nullopt;
  const char* stop = number.data() + number.size();
  uint64_t whole = 0;
  const auto [after, error] = std::from_chars(number.data(), stop, whole);
  if (error != std::errc()) return std::nullopt;
  if (after == stop) return whole < (too_much + factor - 1) / factor ? std::optional(whole * factor) : std::nullopt;
  double value = 0;
  const auto [at, wrong] = std::from_chars(number.data(), stop, value, std::chars_format::fixed);
  value *= static_cast<double>(factor);
  if (wrong != std::errc() || at != stop || value >= double(too_much)) return std::nullopt;
  return static_cast<uint64_t>(std::llround(value));
}

}  // namespace mxpath::cli
