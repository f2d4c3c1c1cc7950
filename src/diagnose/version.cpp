#include "diagnose/version.h"

#include <cctype>
#include <vector>

#include "base/one_line.h"
#include "base/text.h"

namespace mxpath::diagnose {
namespace {

struct Parsed {
  std::vector<long> numbers;
  bool pre_release = false;
};

Parsed parsed(std::string_view text) {
  Parsed result;
  if (!text.empty() && (text[0] == 'v' || text[0] == 'b')) text.remove_prefix(1);  // v0.11.3, llama.cpp's b8054
  size_t i = 0;
  while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i]))) {
    long value = 0;
    for (; i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])); ++i)
      value = std::min(value * 10 + (text[i] - '0'), 1000000000l);
    result.numbers.push_back(value);
    if (i < text.size() && text[i] == '.' && i + 1 < text.size() &&
        std::isdigit(static_cast<unsigned char>(text[i + 1])))
      ++i;
  }
  std::string_view rest = text.substr(i);
  if (!rest.empty() && (rest[0] == '.' || rest[0] == '-' || rest[0] == '_')) rest.remove_prefix(1);
  for (std::string_view mark : {"rc", "a", "b", "dev"})
    if (rest.substr(0, mark.size()) == mark) result.pre_release = true;
  while (!result.numbers.empty() && result.numbers.back() == 0) result.numbers.pop_back();
  return result;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = text.find_first_not_of(" \t\n,;", i);
    if (begin == std::string_view::npos) break;
    i = std::min(text.find_first_of(" \t\n,;", begin), text.size());
    words.push_back(text.substr(begin, i - begin));
  }
  return words;
}

bool satisfied(std::string_view op, std::string_view have, std::string_view want) {
  if (want == "absent" || have == "absent")
    return op == "=" || op == "==" ? have == want : op == "!=" ? have != want : false;
  const int order = compare_versions(have, want);
  if (op == ">=") return order >= 0;
  if (op == ">") return order > 0;
  if (op == "<=") return order <= 0;
  if (op == "<") return order < 0;
  return op == "!=" ? order != 0 : order == 0;
}

}  // namespace

std::string canonical_package(std::string_view name) {
  std::string result;
  for (char c : name)
    result.push_back(c == '_' || c == '.' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  return result;
}

int compare_versions(std::string_view a, std::string_view b) {
  const Parsed x = parsed(a), y = parsed(b);
  for (size_t i = 0; i < std::max(x.numbers.size(), y.numbers.size()); ++i) {
    const long p = i < x.numbers.size() ? x.numbers[i] : 0, q = i < y.numbers.size() ? y.numbers[i] : 0;
    if (p != q) return p < q ? -1 : 1;
  }
  return x.pre_release == y.pre_release ? 0 : x.pre_release ? -1 : 1;
}

Result<Versions> parse_versions(std::string_view text) {
  Versions result;
  for (std::string_view word : words_of(text)) {
    const size_t equal = word.find('=');
    if (equal == std::string_view::npos || equal == 0)
      return wrong_use("--versions: \"{}\" is not of the form package=version", printable(word));
    const size_t value = word.find_first_not_of('=', equal);
    if (value == std::string_view::npos)
      return wrong_use("--versions: \"{}\" has no version behind the '='; write package=absent if it is not installed",
                       printable(word));
    result[visible(canonical_package(word.substr(0, equal)))] = visible(word.substr(value));
  }
  return result;
}

std::optional<bool> holds(std::string_view conditions, const Versions& versions) {
  bool unknown = false;
  for (std::string_view word : words_of(conditions)) {
    const size_t op = word.find_first_of("<>=!");
    if (op == std::string_view::npos) continue;
    const size_t value = std::min(word.find_first_not_of("<>=!", op), word.size());
    const auto found = versions.find(canonical_package(word.substr(0, op)));
    if (found == versions.end()) unknown = true;
    else if (!satisfied(word.substr(op, value - op), found->second, word.substr(value))) return false;
  }
  if (unknown) return std::nullopt;
  return true;
}

}  // namespace mxpath::diagnose
