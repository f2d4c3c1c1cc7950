#include "diagnose/answers.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "base/text.h"
#include "diagnose/answer_shape.h"
#include "diagnose/harmless_settings.h"
#include "diagnose/log_scan.h"
#include "diagnose/pattern.h"

namespace mxpath::diagnose {
namespace {

constexpr size_t most_from_lines = 3, most_matches = 40;
constexpr Phrase unfamiliar = {
    "the name comes from the log and is not known here: look the package up before you install it",
    "로그에 나온 이름이며 여기서 아는 패키지가 아닙니다. 설치하기 전에 어떤 패키지인지 확인하세요"};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

struct CompiledAnswer {
  const AnswerRow* row;
  std::optional<Pattern> pattern;
};

const std::vector<CompiledAnswer>& compiled() {
  static const std::vector<CompiledAnswer> list = [] {
    std::vector<CompiledAnswer> made;
    for (const AnswerRow& row : answer_rows()) {
      CompiledAnswer answer{&row, std::nullopt};
      if (!row.pattern.empty())
        if (auto pattern = Pattern::compile(row.pattern)) answer.pattern = std::move(*pattern);
      made.push_back(std::move(answer));
    }
    return made;
  }();
  return list;
}

/// What {1/2}, {1%2} and {1h} stand for; nothing where the numbers make no sense.
std::optional<std::string> computed(char op, const std::string& first, const std::string& second) {
  const double a = std::strtod(first.c_str(), nullptr), b = std::strtod(second.c_str(), nullptr);
  if (op == 'h') return a >= 2 ? std::optional<std::string>(std::to_string(static_cast<long>(a) / 2)) : std::nullopt;
  if (op == '/' && b > 0 && a / b >= 0.02 && a / b < 1) return fmt::format("{:.2f}", std::floor(a / b * 100) / 100);
  if (op != '%' || a < 1 || b < 1 || a > 1e6) return std::nullopt;
  long divisor = std::min(static_cast<long>(a), static_cast<long>(b));
  while (static_cast<long>(a) % divisor != 0) --divisor;
  return std::to_string(divisor);
}

std::optional<std::string> filled(std::string_view text, const std::vector<std::string>& groups) {
  std::string result;
  const auto group = [&](char c) {
    return c >= '1' && c <= '9' && static_cast<size_t>(c - '1') < groups.size() ? groups[static_cast<size_t>(c - '1')]
                                                                                : std::string();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t close = text[i] == '{' ? text.find('}', i) : std::string_view::npos;
    if (close == std::string_view::npos || close > i + 4 || text[i + 1] < '1' || text[i + 1] > '9') {
      result.push_back(text[i]);
      continue;
    }
    const std::string first = group(text[i + 1]);
    const std::optional<std::string> value =
        close == i + 2 ? first : computed(text[i + 2], first, close == i + 4 ? group(text[i + 3]) : std::string());
    if (!value || value->empty()) return std::nullopt;
    result += *value;
    i = close;
  }
  return result;
}

/// The groups in the shapes of the row; nothing if one of them has another form, or may have been cut by the end of a
/// terminal's line.
std::optional<std::vector<std::string>> shaped_groups(const CompiledAnswer& answer, const PatternMatch& match,
                                                      std::string_view text) {
  const std::vector<Shape>& shapes = answer.row->shapes;
  std::vector<std::string> groups;
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (i >= match.groups.size() || match.groups[i].empty()) return std::nullopt;
    if (match.ends[i] < text.size() && text.substr(match.ends[i], 1) == uncertain_joint) return std::nullopt;
    const auto value = shaped(shapes[i], match.groups[i]);
    if (!value) return std::nullopt;
    if (i > 0 && shapes[i - 1] == Shape::setting && shapes[i] != Shape::choices && !takes_value(groups.back(), *value))
      return std::nullopt;
    groups.push_back(*value);
  }
  return groups;
}

std::optional<Fix> fix_of(const CompiledAnswer& answer, const std::vector<std::string>& groups, Language language) {
  const AnswerRow& row = *answer.row;
  const auto text = filled(row.text, groups), note = filled(row.note.text(language), groups);
  if (!text || !note) return std::nullopt;
  const bool pip = text->rfind("pip install ", 0) == 0 && !row.shapes.empty();
  const bool known = !pip || knows_packages(std::string_view(*text).substr(12));
  return Fix{row.kind, *text, known ? *note : std::string(unfamiliar.text(language)), true};
}

/// What a remedy sets or installs: flags (--max-model-len), variables (VLLM_X=), keywords (use_cache=), packages.
std::set<std::string> subjects_of(std::string_view text) {
  std::set<std::string> subjects;
  const bool pip = text.rfind("pip install ", 0) == 0;
  for (std::string_view word : words_of(text)) {
    while (!word.empty() && (word.front() == '"' || word.front() == '\'')) word.remove_prefix(1);
    std::string name(word.substr(0, std::min(word.find_first_of("=<>!~[\","), word.size())));
    std::replace(name.begin(), name.end(), '_', '-');
    while (!name.empty() && std::string_view(".:;)").find(name.back()) != std::string_view::npos) name.pop_back();
    const bool option = name.rfind("--", 0) == 0,
               set = word.size() > name.size() && word[name.size()] == '=' && !name.empty();
    const bool package = pip && name != "pip" && name != "install" && !name.empty() && name[0] != '-';
    if (option || set || package || (name.size() > 1 && name[0] == '-' && !pip)) subjects.insert(name);
  }
  return subjects;
}

bool overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& subject) { return b.count(subject) > 0; });
}

/// An answer, and where in the lines it stands.
struct Placed {
  Fix fix;
  bool as_printed = false;
  size_t position = 0;
};

bool says_again(const Fix& fix, const Fix& earlier) {
  if (earlier.text == fix.text && earlier.note == fix.note) return true;
  return overlap(subjects_of(fix.text.empty() ? fix.note : fix.text),
                 subjects_of(earlier.text.empty() ? earlier.note : earlier.text));
}

bool says_again(const Fix& fix, const std::vector<Placed>& earlier) {
  return std::any_of(earlier.begin(), earlier.end(), [&](const Placed& other) { return says_again(fix, other.fix); });
}

void add_answers_in(const CompiledAnswer& answer, std::string_view text, Language language,
                    std::vector<Placed>& found) {
  PatternMatch match;
  size_t passed = 0;
  for (size_t i = 0; i < most_matches && passed < text.size() && answer.pattern->find(text.substr(passed), match);
       ++i) {
    const std::string_view rest = text.substr(passed);
    if (const auto groups = shaped_groups(answer, match, rest))
      if (auto fix = fix_of(answer, *groups, language); fix && !says_again(*fix, found))
        found.push_back({std::move(*fix), answer.row->as_printed, passed + match.begin});
    passed += std::max<size_t>(match.end, 1);
  }
}

/// Every package of a pip command stands in an answer.
bool says_nothing_new(const std::set<std::string>& packages, const std::vector<Fix>& answers) {
  return std::all_of(packages.begin(), packages.end(), [&](const std::string& package) {
    return std::any_of(answers.begin(), answers.end(),
                       [&](const Fix& answer) { return subjects_of(answer.text).count(package) > 0; });
  });
}

bool may_answer(const CompiledAnswer& answer, std::string_view signature, const Contexts& contexts) {
  const AnswerRow& row = *answer.row;
  if (!row.stacks.empty() && !contexts.overlaps(row.stacks)) return false;
  if (contexts.overlaps(row.none)) return false;
  return row.signatures.empty() ||
         std::find(row.signatures.begin(), row.signatures.end(), signature) != row.signatures.end();
}

}  // namespace

std::vector<Fix> answers_to(std::string_view signature, std::string_view statement, const Contexts& contexts,
                            Language language) {
  std::vector<Placed> found;
  for (const CompiledAnswer& answer : compiled())
    if (answer.pattern && may_answer(answer, signature, contexts)) add_answers_in(answer, statement, language, found);
  const auto later = std::stable_partition(found.begin(), found.end(), [](const Placed& p) { return !p.as_printed; });
  std::stable_sort(later, found.end(), [](const Placed& a, const Placed& b) { return a.position < b.position; });
  if (found.size() > most_from_lines) found.resize(most_from_lines);
  for (const CompiledAnswer& answer : compiled()) {
    if (answer.pattern || !may_answer(answer, signature, contexts)) continue;
    auto fix = fix_of(answer, {}, language);
    if (!fix || says_again(*fix, found)) continue;
    fix->from_log = false;
    found.push_back({std::move(*fix), false, 0});
  }
  std::vector<Fix> answers;
  for (Placed& placed : found) answers.push_back(std::move(placed.fix));
  return answers;
}

bool contradicts(const FixRow& row, const std::vector<Fix>& answers) {
  const std::set<std::string> subjects = subjects_of(row.text);
  if (row.text.substr(0, 12) == "pip install ") return says_nothing_new(subjects, answers);
  return std::any_of(answers.begin(), answers.end(), [&](const Fix& answer) {
    return row.text == answer.text ? !row.text.empty()
                                   : overlap(subjects, subjects_of(answer.text.empty() ? answer.note : answer.text));
  });
}

}  // namespace mxpath::diagnose
