#include "server/embedded.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/sha256.h"

namespace mxpath::server {
namespace {

std::string_view text_of(std::span<const EmbeddedFile> files, std::string_view name) {
  const auto found = std::ranges::find(files, name, &EmbeddedFile::name);
  return found == files.end() ? std::string_view() : found->text;
}

int value_of(char hex) { return hex <= '9' ? hex - '0' : hex - 'a' + 10; }

std::string base64(std::string_view hex) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bits = bits << 8 | static_cast<uint32_t>(value_of(hex[i]) << 4 | value_of(hex[i + 1]));
    for (count += 8; count >= 6; count -= 6) out += letters[bits >> (count - 6) & 63];
  }
  if (count > 0) out += letters[bits << (6 - count) & 63];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

/// 'sha256-…' of what stands in the first element of a name.
std::string hash_of(std::string_view html, std::string_view element) {
  const size_t tag = html.find(fmt::format("<{}", element));
  const size_t begin = html.find('>', tag), end = html.find(fmt::format("</{}>", element), begin);
  if (tag == html.npos || begin == html.npos || end == html.npos) return "'none'";
  const std::string_view inside = html.substr(begin + 1, end - begin - 1);
  return fmt::format("'sha256-{}'", base64(sha256({reinterpret_cast<const uint8_t*>(inside.data()), inside.size()})));
}

}  // namespace

std::string_view embedded_openapi() { return text_of(data_files(), "openapi"); }

const EmbeddedPage& embedded_page() {
  static const EmbeddedPage page = [] {
    EmbeddedPage made{std::string(text_of(page_files(), "index")), {}};
    made.policy = fmt::format(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        hash_of(made.html, "script"), hash_of(made.html, "style"));
    return made;
  }();
  return page;
}

}  // namespace mxpath::server
