#include "server/openai/responses_names.h"

#include <algorithm>

#include "server/openai/tool_fields.h"

namespace mxpath::openai {
namespace {

constexpr size_t longest_name = 192;  // that of a namespace before it

std::string prefix_of(std::string_view space) {
  if (space.empty()) return {};
  return std::string(space) + (space.ends_with('_') ? "" : "__");
}

}  // namespace

std::string flat_name(std::string_view space, std::string_view name) { return prefix_of(space) + std::string(name); }

std::string own_name(const Function& function) {
  const std::string prefix = prefix_of(function.space);
  return function.name.starts_with(prefix) ? function.name.substr(prefix.size()) : function.name;
}

bool is_called_name(std::string_view name) {
  const auto fits = [](char c) { return c == '.' || is_function_name({&c, 1}); };
  return !name.empty() && name.size() <= longest_name && std::ranges::all_of(name, fits);
}

std::string text_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Function* find_function(std::span<const Function> functions, std::string_view name) {
  const auto found = std::ranges::find(functions, name, &Function::name);
  return found == functions.end() ? nullptr : &*found;
}

}  // namespace mxpath::openai
