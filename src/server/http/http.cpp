#include "server/http/http.h"

#include <algorithm>

#include "server/http/target.h"

namespace mxpath::http {

std::string_view Request::header(std::string_view name) const {
  for (const auto& [its_name, value] : headers)
    if (its_name == name) return value;
  return {};
}

std::string Request::parameter(std::string_view name) const {
  for (std::string_view rest = query; !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    if (percent_decoded(pair.substr(0, equals), true) != name) continue;
    return equals == pair.npos ? std::string() : percent_decoded(pair.substr(equals + 1), true);
  }
  return {};
}

}  // namespace mxpath::http
