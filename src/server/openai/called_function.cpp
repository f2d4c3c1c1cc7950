// Which function a recipient names.
#include <algorithm>
#include <array>

#include "server/openai/answer_reader.h"

namespace mxpath::openai {
namespace {

constexpr std::string_view functions_prefix = "functions.";

/// python, browser.search, container.exec
bool is_builtin(std::string_view recipient) {
  constexpr auto families = std::to_array<std::string_view>({"python", "browser", "container"});
  return std::ranges::any_of(families, [&](std::string_view family) {
    return recipient.starts_with(family) && (recipient.size() == family.size() || recipient[family.size()] == '.');
  });
}

bool is_nobody(std::string_view recipient) {
  return recipient == "all" || recipient == "functions" || harmony::parse_role(recipient).has_value();
}

bool is_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  return !name.empty() && std::ranges::all_of(name, fits);
}

}  // namespace

std::string_view called_function(std::string_view recipient, std::span<const Function> declared) {
  const bool prefixed = recipient.starts_with(functions_prefix);
  const std::string_view name = prefixed ? recipient.substr(functions_prefix.size()) : recipient;
  if (!is_name(name) || (!prefixed && (is_builtin(recipient) || is_nobody(recipient)))) return {};
  const auto has_it = [&](const Function& function) { return function.name == name; };
  return declared.empty() || std::ranges::any_of(declared, has_it) ? name : std::string_view();
}

}  // namespace mxpath::openai
