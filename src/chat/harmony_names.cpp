#include "chat/harmony_names.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "chat/utf8.h"

namespace mxpath::harmony {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A set of characters, as a pattern.
class Characters {
 public:
  explicit Characters(const char* pattern) {
    int error = 0;
    size_t at = 0;
    code_ =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error, &at, nullptr);
  }
  bool found_in(std::string_view text) const {
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(pcre2_match_data_create(1, nullptr),
                                                                                    pcre2_match_data_free);
    return code_ && match &&
           pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, match.get(), nullptr) >= 0;
  }

 private:
  pcre2_code* code_;
};

// A symbol can be an answer ("final👍"), a mark cannot.
bool has_text(std::string_view text) {
  static const Characters all(R"((?!\x{FFFD})[\p{L}\p{N}\p{So}])");
  return all.found_in(text);
}
bool is_letter_of_any_script(std::string_view character) {
  static const Characters all(R"([\p{L}\p{N}])");
  return all.found_in(character);
}

uint32_t code_point(std::string_view c) {
  if (c.size() == 1) return static_cast<unsigned char>(c[0]);
  uint32_t code = static_cast<unsigned char>(c[0]) & (0x7fu >> c.size());
  for (const char byte : c.substr(1)) code = code << 6 | (static_cast<unsigned char>(byte) & 0x3fu);
  return code;
}

// The letters below U+00C0 to U+017F.
constexpr std::string_view latin =
    "aaaaaaaceeeeiiiidnooooo?ouuuuytsaaaaaaaceeeeiiiidnooooo?ouuuuyty"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
    "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
static_assert(latin.size() == 0x180 - 0xc0);

constexpr char other_letter = '?';

char plain_letter(uint32_t code) {
  if (code >= 0xff01 && code <= 0xff5e) code -= 0xff00 - 0x20;  // fullwidth
  if (code < 0x80) return lower_ascii(std::string(1, static_cast<char>(code)))[0];
  return code >= 0xc0 && code < 0x180 ? latin[code - 0xc0] : other_letter;
}

// The letters and digits of a word, in any script: quotes, marks, accents, spaces and what has no width are left out.
struct Plain {
  std::string letters;       // one byte each: ASCII in lower case, or other_letter
  std::string as_written;    // the same
  std::vector<size_t> ends;  // of each letter in the word
};
Plain plain(std::string_view word) {
  Plain out;
  for (size_t at = 0; at < word.size();) {
    const Utf8Step step = utf8_step(word.substr(at));
    const std::string_view c = word.substr(at, std::max<size_t>(step.length, 1));
    at += c.size();
    if (!step.valid || (c.size() == 1 ? !is_letter(c[0]) && !is_digit(c[0]) : !is_letter_of_any_script(c))) continue;
    out.letters += plain_letter(code_point(c)), out.as_written += c;
    out.ends.push_back(at);
  }
  return out;
}

// Optimal string alignment: a letter too many, missing, wrong, or two swapped count 1.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
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

// The same in Korean, Chinese, Japanese and Russian.
constexpr std::pair<std::string_view, std::string_view> other_scripts[] = {
    {"분석", "analysis"}, {"생각", "analysis"}, {"추론", "analysis"},   {"分析", "analysis"}, {"思考", "analysis"},
    {"推論", "analysis"}, {"推理", "analysis"}, {"анализ", "analysis"}, {"최종", "final"},    {"답변", "final"},
    {"最终", "final"},    {"最終", "final"},    {"答案", "final"},      {"финал", "final"},   {"ответ", "final"}};

// Words of a header that stand before the name, be it glued.
constexpr std::string_view before_names[] = {"assistant", "channel", "the"};

std::optional<std::string_view> channel_of(const std::string& letters) {
  for (const Known& known : channels)
    if (letters == known.name || distance(letters, known.name) <= known.letters_off) return known.name;
  for (const Known& known : channels)
    if (letters.size() >= shortest_cut && known.name.starts_with(letters)) return known.name;
  return {};
}

// "finalx" may be letters too many; "finalI" and "final4" are not.
NamedChannel glued_name(const Known& known, std::string_view rest) {
  const bool lower = std::all_of(rest.begin(), rest.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return {known.name, rest, lower && rest.size() <= known.letters_off};
}

constexpr std::pair<std::string_view, Role> other_roles[] = {{"human", Role::user},
                                                             {"model", Role::assistant},
                                                             {"ai", Role::assistant},
                                                             {"bot", Role::assistant},
                                                             {"gpt", Role::assistant}};

}  // namespace

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::optional<NamedChannel> nearest_channel(std::string_view word) {
  const Plain name = plain(word);
  std::string_view letters = name.letters;
  size_t skipped = 0;
  for (const std::string_view before : before_names)
    if (letters.starts_with(before) && letters.size() > before.size()) skipped = before.size();
  for (const size_t begin : {size_t{0}, skipped}) {
    letters = std::string_view(name.letters).substr(begin);
    const auto rest_from = [&](size_t letter) {
      const std::string_view rest = word.substr(name.ends[begin + letter - 1]);
      return has_text(rest) ? rest : rest.substr(0, 0);
    };
    for (const auto& [meant, channel] : other_words)
      if (letters == meant) return NamedChannel{channel, rest_from(letters.size()), false};
    for (const Known& known : channels)
      if (letters.starts_with(known.name)) return glued_name(known, rest_from(known.name.size()));
    if (const auto channel = channel_of(std::string(letters)))
      return NamedChannel{*channel, rest_from(letters.size()), false};
  }
  for (const auto& [meant, channel] : other_scripts)
    if (name.as_written == meant) return NamedChannel{channel, {}, false};
  return {};
}

bool is_header_word(std::string_view word) {
  const std::string letters = plain(word).letters;
  return std::find(std::begin(before_names), std::end(before_names), letters) != std::end(before_names);
}

bool has_letters(std::string_view word) { return !plain(word).letters.empty(); }

std::optional<Role> nearest_role(std::string_view word) {
  const std::string letters = plain(word).letters;
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
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; };
  for (const std::string_view space : {"functions.", "browser.", "container."})
    if (word.starts_with(space) && word.size() > space.size() && word.back() != '.')
      return std::all_of(word.begin(), word.end(), fits);
  return false;
}

}  // namespace mxpath::harmony
