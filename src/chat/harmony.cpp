// Names of roles and efforts, stop tokens.
#include "chat/harmony.h"

#include <algorithm>
#include <array>

#include "base/nearest.h"
#include "base/text.h"

namespace mxpath::harmony {
namespace {

constexpr std::array<std::string_view, 5> role_names = {"system", "developer", "user", "assistant", "tool"};
constexpr std::array<std::string_view, 3> effort_names = {"low", "medium", "high"};

}  // namespace

std::string_view name_of(Role role) { return role_names[static_cast<size_t>(role)]; }
std::string_view name_of(Effort effort) { return effort_names[static_cast<size_t>(effort)]; }

std::optional<Role> parse_role(std::string_view text) {
  const auto found = std::find(role_names.begin(), role_names.end(), text);
  if (found == role_names.end()) return {};
  return static_cast<Role>(found - role_names.begin());
}

Result<Effort> parse_effort(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto found = std::find(effort_names.begin(), effort_names.end(), lower);
  if (found == effort_names.end())
    return wrong_use("reasoning effort \"{}\" is unknown{}; use low, medium or high", printable(text),
                     nearest_note(text, effort_names));
  return static_cast<Effort>(found - effort_names.begin());
}

std::vector<Token> stop_tokens(const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special();
  std::vector<Token> out{special.return_, special.call, special.end_of_text};
  std::erase(out, -1);
  return out;
}

}  // namespace mxpath::harmony
