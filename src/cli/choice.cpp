#include "cli/choice.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace mxpath::cli {
namespace {

bool is_decimal(std::string_view digits) {
  return !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos &&
         (digits.size() == 1 || digits.front() != '0');
}

bool is_whole_number(std::string_view text, int64_t low, uint64_t high) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  uint64_t size = 0;
  if (!is_decimal(digits) || std::from_chars(digits.data(), digits.data() + digits.size(), size).ec != std::errc())
    return false;
  if (negative) return low < 0 && size <= 0 - static_cast<uint64_t>(low);
  return size <= high && (low <= 0 || size >= static_cast<uint64_t>(low));
}

bool is_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

}  // namespace

CLI::Validator whole_number(int64_t low, uint64_t high) {
  const auto check = [low, high](const std::string& text) {
    return is_whole_number(text, low, high)
               ? ""
               : fmt::format("a whole number from {} to {}, not \"{}\"", low, high, printable(text));
  };
  return CLI::Validator(check, "");
}

CLI::Validator decimal_number() {
  const auto check = [](const std::string& text) {
    return is_number(text) ? "" : fmt::format("a number such as 0.5, not \"{}\"", printable(text));
  };
  return CLI::Validator(check, "");
}

}  // namespace mxpath::cli
