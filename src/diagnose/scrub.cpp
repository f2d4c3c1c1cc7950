#include "diagnose/scrub.h"

#include <unistd.h>

#include <cctype>

#include "base/environment.h"
#include "base/json.h"
#include "diagnose/pattern.h"

namespace mxpath::diagnose {
namespace {

struct Rule {
  const char* pattern;
  const char* replacement;  // \1 is the first group
};
// Order matters: secrets before the paths and names that may stand inside them.
constexpr Rule rules[] = {
    {"\\b(?:hf|api_org)_[A-Za-z0-9]{8,}\\b", "<secret>"},
    {"\\b(?:ghp|gho|ghs|ghu|github_pat|glpat|xox[abprs]|sk|pk|nvapi|r8|AIza|dop_v1|npm|pypi)[-_][A-Za-z0-9_\\-]{10,}",
     "<secret>"},
    {"\\bAIza[A-Za-z0-9_\\-]{20,}", "<secret>"},
    {"\\b(?:AKIA|ASIA)[A-Z0-9]{12,}\\b", "<secret>"},
    {"\\beyJ[A-Za-z0-9_\\-]{8,}\\.[A-Za-z0-9_\\-]{8,}(?:\\.[A-Za-z0-9_\\-]+)?", "<secret>"},
    {"\\b(Bearer|Basic)[ \\t]+(?!<)[A-Za-z0-9._~+/=\\-]{6,}", "\\1 <secret>"},
    {"((?:token|secret|passwd|password|api[_-]?key|access[_-]?key|authorization)[\\w]*[\"']?[ \\t]*[=:][ "
     "\\t]*[\"']?)(?!<|Bearer|Basic)[^\\s\"',;&]{4,}",
     "\\1<secret>"},
    {"(\\w+://)(?!<)[^\\s/@:]+:[^\\s/@]+@", "\\1<secret>@"},
    {"[A-Za-z0-9._%+\\-]+@[A-Za-z0-9\\-]+\\.[A-Za-z0-9.\\-]*[A-Za-z]", "<email>"},
    {"\\b(?:GPU|MIG)-[0-9a-f]{8}-[0-9a-f\\-]{8,}", "<id>"},
    {"\\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\b", "<id>"},
    {"\\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\\b", "<id>"},
    {"/(?:home|Users|export/home)/[^/\\s\"':,;<>]+", "~"},
    {"/root(?=/|\\b)", "~"},
    {"[A-Za-z]:\\\\+(?:Users|Documents and Settings)\\\\+[^\\\\\\s\"':,;<>]+", "~"},
    {"\\b(?!(?:127\\.0\\.0\\.1|0\\.0\\.0\\.0)\\b)(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1?\\d?"
     "\\d)\\b(?!\\.\\d)",
     "<ip>"},
};

std::string replaced(const Pattern& pattern, std::string_view text, std::string_view replacement) {
  std::string result;
  PatternMatch match;
  while (!text.empty() && pattern.find(text, match) && match.end > match.begin) {
    result.append(text.substr(0, match.begin));
    for (size_t i = 0; i < replacement.size(); ++i) {
      if (replacement[i] == '\\' && i + 1 < replacement.size() && replacement[i + 1] == '1') {
        if (!match.groups.empty()) result += match.groups[0];
        ++i;
      } else {
        result.push_back(replacement[i]);
      }
    }
    text.remove_prefix(match.end);
  }
  return result.append(text);
}

bool part_of_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-'; }

/// Whole words only: the user "al" must not change "also".
std::string without_word(std::string_view text, std::string_view word, std::string_view replacement) {
  if (word.size() < 2 || word == "root" || word == "localhost") return std::string(text);
  std::string result;
  size_t at = 0;
  for (size_t found; (found = text.find(word, at)) != std::string_view::npos;) {
    const size_t end = found + word.size();
    const bool whole =
        (found == 0 || !part_of_name(text[found - 1])) && (end == text.size() || !part_of_name(text[end]));
    result.append(text.substr(at, found - at));
    result.append(whole ? replacement : word);
    at = end;
  }
  return result.append(text.substr(at));
}

std::string without_text(std::string_view text, std::string_view what, std::string_view replacement) {
  if (what.size() < 3) return std::string(text);
  std::string result;
  size_t at = 0;
  for (size_t found; (found = text.find(what, at)) != std::string_view::npos; at = found + what.size()) {
    result.append(text.substr(at, found - at));
    result.append(replacement);
  }
  return result.append(text.substr(at));
}

const std::vector<std::pair<Pattern, std::string>>& compiled_rules() {
  static const std::vector<std::pair<Pattern, std::string>> list = [] {
    std::vector<std::pair<Pattern, std::string>> made;
    for (const Rule& rule : rules)
      if (auto pattern = Pattern::compile(rule.pattern)) made.emplace_back(std::move(*pattern), rule.replacement);
    return made;
  }();
  return list;
}

}  // namespace

Private private_of_process() {
  char host[256] = "";
  if (gethostname(host, sizeof host - 1) != 0) host[0] = 0;
  std::string user = environment_variable("USER");
  if (user.empty()) user = environment_variable("LOGNAME");
  return {user, environment_variable("HOME"), host};
}

std::string scrub(std::string_view text, const Private& known) {
  std::string result(text);
  if (known.home.size() > 1) result = without_text(result, known.home, "~");
  for (const auto& [pattern, replacement] : compiled_rules()) result = replaced(pattern, result, replacement);
  result = without_word(result, known.host, "<host>");
  return without_word(result, known.user, "<user>");
}

Json scrub_json(const Json& json, const Private& known) {
  if (json.is_string()) return scrub(json.get_ref<const std::string&>(), known);
  if (json.is_array()) {
    Json list = Json::array();
    for (const Json& item : json) list.push_back(scrub_json(item, known));
    return list;
  }
  if (!json.is_object()) return json;
  Json object = Json::object();
  for (const auto& [key, value] : json.items()) object[scrub(key, known)] = scrub_json(value, known);
  return object;
}

}  // namespace mxpath::diagnose
