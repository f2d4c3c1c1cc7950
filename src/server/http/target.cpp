#include "server/http/target.h"

#include "server/http/header_text.h"

namespace mxpath::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The byte of the escape at `at`; -1: there is none.
int escaped_byte(std::string_view text, size_t at) {
  if (text[at] != '%' || at + 2 >= text.size()) return -1;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool escapes_are_fine(std::string_view path) {
  for (size_t at = 0; at < path.size(); ++at) {
    if (path[at] != '%') continue;
    const int byte = escaped_byte(path, at);
    if (byte < 0x20 || byte == 0x7f) return false;
  }
  return true;
}

}  // namespace

std::string percent_decoded(std::string_view text, bool form) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const int byte = escaped_byte(text, at);
    if (byte >= 0) {
      out += static_cast<char>(byte);
      at += 2;
    } else {
      out += form && text[at] == '+' ? ' ' : text[at];
    }
  }
  return out;
}

std::optional<Target> parse_target(std::string_view target) {
  Target out;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same_word(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    out.authority = target.substr(0, target.find_first_of("/?"));
    if (out.authority.empty()) return {};
    target.remove_prefix(out.authority.size());
    break;
  }
  const size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  if (mark != target.npos) out.query = target.substr(mark + 1);
  if (path.empty() && !out.authority.empty()) {
    out.path = "/";
    return out;
  }
  if (path != "*" && !path.starts_with('/')) return {};
  if (!escapes_are_fine(path)) return {};
  out.path = percent_decoded(path);
  return out;
}

}  // namespace mxpath::http
