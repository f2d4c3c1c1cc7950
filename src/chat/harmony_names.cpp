#include "chat/harmony_names.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace mxpath::harmony {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word_byte(char c) { return is_letter(c) || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80; }

// Optimal string alignment: a letter too many, missing, wrong, or two swapped count 1.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

struct Known {
  std::string_view name;
  size_t letters_off;  // fewer than would make another word of it
};
constexpr std::array<Known, 3> channels = {{{"analysis", 2}, {"commentary", 3}, {"final", 1}}};
constexpr size_t shortest_cut = 4;  // letters: "anal", "comm", "fina"

// Words that models write for the channel they mean.
constexpr std::pair<std::string_view, std::string_view> other_words[] = {
    {"thinking", "analysis"},   {"think", "analysis"},      {"thought", "analysis"},    {"thoughts", "analysis"},
    {"reasoning", "analysis"},  {"reason", "analysis"},     {"analyze", "analysis"},    {"analyse", "analysis"},
    {"analyzing", "analysis"},  {"analysing", "analysis"},  {"reflection", "analysis"}, {"scratchpad", "analysis"},
    {"comments", "commentary"}, {"preamble", "commentary"}, {"finally", "final"},       {"answer", "final"},
    {"response", "final"},      {"reply", "final"}};

// The same in Korean, Chinese and Japanese.
constexpr std::pair<std::string_view, std::string_view> other_scripts[] = {
    {"분석", "analysis"}, {"생각", "analysis"}, {"추론", "analysis"}, {"分析", "analysis"}, {"思考", "analysis"}, {"推論", "analysis"},
    {"推理", "analysis"}, {"최종", "final"},    {"답변", "final"},    {"最终", "final"},    {"最終", "final"},    {"答案", "final"}};

std::optional<std::string_view> channel_of(const std::string& letters) {
  for (const auto& [word, channel] : other_words)
    if (letters == word) return channel;
  for (const Known& known : channels)
    if (letters == known.name || distance(letters, known.name) <= known.letters_off) return known.name;
  for (const Known& known : channels)
    if (letters.size() >= shortest_cut && known.name.starts_with(letters)) return known.name;
  return {};
}

constexpr std::pair<std::string_view, Role> other_roles[] = {
    {"human", Role::user}, {"model", Role::assistant}, {"ai", Role::assistant}, {"bot", Role::assistant}, {"gpt", Role::assistant}};

}  // namespace

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::optional<NamedChannel> nearest_channel(std::string_view word) {
  const auto begin = static_cast<size_t>(std::find_if(word.begin(), word.end(), is_word_byte) - word.begin());
  const std::string_view name = word.substr(begin);
  const auto length = static_cast<size_t>(std::find_if_not(name.begin(), name.end(), is_letter) - name.begin());
  const std::string letters = lower_ascii(name.substr(0, length));
  const auto rest_from = [&](size_t at) {
    const std::string_view rest = name.substr(at);
    return std::any_of(rest.begin(), rest.end(), is_word_byte) ? rest : rest.substr(0, 0);
  };
  if (const auto channel = channel_of(letters)) return NamedChannel{*channel, rest_from(length)};
  for (const auto& [start, channel] : other_scripts)
    if (name == start) return NamedChannel{channel, ""};
  for (const Known& known : channels)
    if (letters.starts_with(known.name)) return NamedChannel{known.name, rest_from(known.name.size())};
  return {};
}

bool begins_channel(std::string_view word) {
  const std::string lower = lower_ascii(word);
  return std::any_of(channels.begin(), channels.end(), [&](const Known& known) { return known.name.starts_with(lower); });
}

std::optional<Role> nearest_role(std::string_view word) {
  std::string letters = lower_ascii(word);
  while (!letters.empty() && !is_word_byte(letters.back())) letters.pop_back();
  if (const auto role = parse_role(letters)) return role;
  for (const auto& [name, role] : other_roles)
    if (letters == name) return role;
  // Of the long names only: "used" is not "user".
  for (const Role role : {Role::assistant, Role::developer, Role::system})
    if (distance(letters, name_of(role)) <= (role == Role::system ? 1u : 2u)) return role;
  return {};
}

bool is_tool_name(std::string_view word) {
  if (word == "python") return true;
  const auto fits = [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'; };
  for (const std::string_view space : {"functions.", "browser.", "container."})
    if (word.starts_with(space) && word.size() > space.size() && word.back() != '.') return std::all_of(word.begin(), word.end(), fits);
  return false;
}

}  // namespace mxpath::harmony
