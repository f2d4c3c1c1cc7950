// The flags, variables and keywords that a log may ask for, with what each takes: the rows of
// data/diagnose/harmless_settings.json.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "diagnose/table.h"

namespace mxpath::diagnose {

/// The form of a setting's value. Names have no dots, slashes or colons: they are looked up by the program, never a
/// module, file or address.
enum class Takes : uint8_t { nothing, number, decimal, size, name, list, truth };
inline constexpr int takes_count = static_cast<int>(Takes::truth) + 1;
std::string_view name_of(Takes takes);

/// One row: settings that take the same.
struct SettingsRow {
  Takes takes = Takes::nothing;
  std::vector<std::string_view> names;
};

/// Errors as read_table; a name twice, too.
Result<Table<SettingsRow>> settings_from_json(std::string_view json, std::string_view file);

/// Whether an advice may name it. A log is written by anybody, so this is a list of what does no harm, not of what
/// does: nothing on it loads code, names a file, a model or a place in the network, or turns a protection off.
bool is_harmless_setting(std::string_view name);

/// Whether `value` has the form that the setting takes; false for one that takes none, or that is not on the list.
bool takes_value(std::string_view name, std::string_view value);

}  // namespace mxpath::diagnose
