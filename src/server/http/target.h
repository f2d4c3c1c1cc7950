// The target of a request line, taken apart.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace mxpath::http {

struct Target {
  std::string path;       ///< percent-decoded; "*" of OPTIONS stays
  std::string query;      ///< as sent, without its question mark
  std::string authority;  ///< of "http://host:port/path", which takes the place of Host; "": none
};

/// Nothing where it is no path, or has an escape that is broken or stands for a control character.
std::optional<Target> parse_target(std::string_view target);

/// %41 becomes A, and + a space where `form` says so; what is no escape stays.
std::string percent_decoded(std::string_view text, bool form = false);

}  // namespace mxpath::http
