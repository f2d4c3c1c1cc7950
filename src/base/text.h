// Small text helpers that several folders share.
#pragma once
#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mxpath {

/// An Error from a format string: `return fail("{}: header is {} bytes long", path, n);`
template <class... Args>
Error fail(fmt::format_string<Args...> text, Args&&... args) {
  return Error{fmt::format(text, std::forward<Args>(args)...), ErrorKind::failed};
}
template <class... Args>
Error wrong_use(fmt::format_string<Args...> text, Args&&... args) {
  return Error{fmt::format(text, std::forward<Args>(args)...), ErrorKind::wrong_use};
}
template <class... Args>
Error refused(fmt::format_string<Args...> text, Args&&... args) {
  return Error{fmt::format(text, std::forward<Args>(args)...), ErrorKind::refused};
}

/// Shell-style match of a dotted name: `*` any run of characters, `?` one character.
bool glob_match(std::string_view pattern, std::string_view name);

/// 1536 → "1.5 KiB"; binary units, three significant digits at most.
std::string human_bytes(double bytes);

/// A count with its noun: "1 token", "8192 tokens"; `many` is the plural where it is not the noun with an s.
template <std::integral Count>
std::string plural(Count count, std::string_view noun, std::string_view many = {}) {
  if (count == 1) return fmt::format("1 {}", noun);
  return many.empty() ? fmt::format("{} {}s", count, noun) : fmt::format("{} {}", count, many);
}

/// Control characters and what is no UTF-8 become \xNN, and long text is shortened: safe to put into a message.
std::string printable(std::string_view text, size_t limit = 80);

}  // namespace mxpath
