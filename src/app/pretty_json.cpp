#include "app/pretty_json.h"

#include <algorithm>

#include "base/json.h"

namespace mxpath {
namespace {

std::string on_one_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Plain values, or arrays of them, at any depth.
bool is_flat(const Json& json) {
  if (json.is_object()) return json.empty();
  return !json.is_array() || std::ranges::all_of(json, is_flat);
}

void write(std::string& out, const Json& json, size_t depth) {
  if (is_flat(json)) {
    out += on_one_line(json);
    return;
  }
  const std::string indent((depth + 1) * 2, ' ');
  const char* next = json.is_object() ? "{\n" : "[\n";
  for (const auto& [key, value] : json.items()) {
    out += next + indent;
    if (json.is_object()) out += on_one_line(key) + ": ";
    write(out, value, depth + 1);
    next = ",\n";
  }
  out += "\n" + std::string(depth * 2, ' ') + (json.is_object() ? "}" : "]");
}

}  // namespace

std::string pretty(const Json& json) {
  std::string out;
  write(out, json, 0);
  return out;
}

}  // namespace mxpath
