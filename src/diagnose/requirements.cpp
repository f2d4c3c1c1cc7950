#include "diagnose/requirements.h"

#include <algorithm>

namespace mxpath::diagnose {
namespace {

constexpr std::string_view field = "Requires-Dist:";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r()");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r()") - first + 1);
}

std::string without_spaces(std::string_view text) {
  std::string result;
  for (char c : text)
    if (c != ' ' && c != '(' && c != ')') result.push_back(c);
  return result;
}

/// 5.0.3 begins with 5.0: the same numbers, then a dot or the end.
bool begins_with(std::string_view version, std::string_view release) {
  return version.substr(0, release.size()) == release &&
         (version.size() == release.size() || version[release.size()] == '.');
}

bool clause_holds(std::string_view version, std::string_view clause) {
  const size_t at = std::min(clause.find_first_not_of("<>=!~"), clause.size());
  const std::string_view op = clause.substr(0, at);
  std::string_view wanted = clause.substr(at);
  if (op.empty() || wanted.empty() || op == "===") return true;
  if (wanted.size() > 2 && wanted.substr(wanted.size() - 2) == ".*") {
    const bool inside = begins_with(version, wanted.substr(0, wanted.size() - 2));
    return op == "!=" ? !inside : op != "==" || inside;
  }
  const int order = compare_versions(version, wanted);
  if (op == "~=")
    return order >= 0 && begins_with(version, wanted.substr(0, std::min(wanted.rfind('.'), wanted.size())));
  if (op == ">=") return order >= 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  if (op == "<") return order < 0;
  return op == "!=" ? order != 0 : op != "==" || order == 0;
}

}  // namespace

std::vector<Requirement> requirements_in(std::string_view metadata, std::string_view package,
                                         std::string_view version) {
  std::vector<Requirement> list;
  while (!metadata.empty()) {
    const size_t end = std::min(metadata.find('\n'), metadata.size());
    const std::string_view line = metadata.substr(0, end);
    metadata.remove_prefix(std::min(end + 1, metadata.size()));
    if (trimmed(line).empty()) break;  // the description follows
    if (line.substr(0, field.size()) != field || line.find(';') != std::string_view::npos) continue;
    const std::string_view text = trimmed(line.substr(field.size()));
    const size_t name_end = std::min(text.find_first_of("[<>=!~ ("), text.size());
    const size_t clauses = text.find_first_of("<>=!~");
    if (name_end == 0 || clauses == std::string_view::npos || text.size() > 200) continue;
    list.push_back({std::string(package), std::string(version), canonical_package(text.substr(0, name_end)),
                    without_spaces(text.substr(clauses))});
  }
  return list;
}

bool satisfies(std::string_view version, std::string_view clauses) {
  while (!clauses.empty()) {
    const size_t end = std::min(clauses.find(','), clauses.size());
    if (!clause_holds(version, clauses.substr(0, end))) return false;
    clauses.remove_prefix(std::min(end + 1, clauses.size()));
  }
  return true;
}

std::vector<Conflict> conflicts_in(const std::vector<Requirement>& requirements, const Versions& installed) {
  std::vector<Conflict> list;
  for (const Requirement& r : requirements) {
    const auto found = installed.find(r.name);
    if (found != installed.end() && found->second != "absent" && !satisfies(found->second, r.clauses))
      list.push_back({r, found->second});
  }
  return list;
}

}  // namespace mxpath::diagnose
