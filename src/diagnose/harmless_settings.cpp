#include "diagnose/harmless_settings.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <unordered_map>

#include "diagnose/table_reader.h"

namespace mxpath::diagnose {
namespace {

SettingsRow settings_from(RowReader& row) {
  SettingsRow settings;
  row.require({"takes", "names"});
  settings.takes = row.one_of("takes", takes_count, Takes::nothing);
  settings.names = row.texts("names");
  for (std::string_view name : settings.names) row.unique("names", name);
  return settings;
}

/// What a setting takes; null for one that is not on the list.
const Takes* taken_by(std::string_view name) {
  static const Table<SettingsRow> table = built_in(settings_from_json, "harmless_settings");
  static const std::unordered_map<std::string_view, Takes> takes = [] {
    std::unordered_map<std::string_view, Takes> map;
    for (const SettingsRow& row : table.rows)
      for (std::string_view setting : row.names) map.emplace(setting, row.takes);
    return map;
  }();
  const auto found = takes.find(name);
  return found == takes.end() ? nullptr : &found->second;
}

bool made_of(std::string_view text, std::string_view marks) {
  return !text.empty() && text.find_first_not_of(marks) == std::string_view::npos;
}

}  // namespace

std::string_view name_of(Takes takes) {
  constexpr std::string_view names[] = {"nothing", "number", "decimal", "size", "name", "list", "truth"};
  static_assert(std::size(names) == takes_count);
  return names[static_cast<size_t>(takes)];
}

Result<Table<SettingsRow>> settings_from_json(std::string_view json, std::string_view file) {
  return read_table(json, file, settings_from);
}

bool is_harmless_setting(std::string_view name) { return taken_by(name) != nullptr; }

bool takes_value(std::string_view name, std::string_view value) {
  constexpr std::string_view digits = "0123456789",
                             truths[] = {"0", "1", "true", "false", "True", "False", "TRUE", "FALSE"};
  const Takes* takes = taken_by(name);
  if (!takes || value.empty() || value.size() > 32) return false;
  switch (*takes) {
    case Takes::nothing: return false;
    case Takes::number: return value.size() <= 12 && made_of(value, digits);
    case Takes::decimal: return made_of(value, "0123456789.") && std::count(value.begin(), value.end(), '.') <= 1;
    case Takes::size: return made_of(value.substr(0, value.find_first_of("kKmMgG")), digits);
    case Takes::name:
      return std::all_of(value.begin(), value.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
    case Takes::list: return made_of(value, "0123456789.,");
    case Takes::truth: return std::find(std::begin(truths), std::end(truths), value) != std::end(truths);
  }
  return false;
}

}  // namespace mxpath::diagnose
