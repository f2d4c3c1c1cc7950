// Files that are part of the program: the page and the description of the API.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace mxpath::server {

struct EmbeddedFile {
  std::string_view name, text;
};
/// What lies in src/server/page and src/server/data.
std::span<const EmbeddedFile> page_files();
std::span<const EmbeddedFile> data_files();

/// The description of the API as OpenAPI 3.1.
std::string_view embedded_openapi();

struct EmbeddedPage {
  std::string html;
  std::string policy;  ///< Content-Security-Policy: the page's own script and style by hash, this server, nothing else
};
/// Made once.
const EmbeddedPage& embedded_page();

}  // namespace mxpath::server
