// What must be installed for a module, header or library that a log misses: the rows of
// data/diagnose/known_packages.json.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "diagnose/table.h"

namespace mxpath::diagnose {

/// What a log misses.
enum class Missing : uint8_t {
  python,   // a module, or a package under its own name
  header,   // without ".h"
  library,  // without ".so"
};
inline constexpr int missing_count = static_cast<int>(Missing::library) + 1;
std::string_view name_of(Missing missing);

/// One row.
struct KnownPackage {
  Missing missing = Missing::python;
  std::string_view name;     ///< as logs print it
  std::string_view package;  ///< of pip for python, of Debian otherwise
};

/// Errors as read_table; a name twice, too.
Result<Table<KnownPackage>> known_packages_from_json(std::string_view json, std::string_view file);

/// The package that brings what is missing, by its name in any case; nothing where no row knows it.
std::optional<std::string> package_with(Missing missing, std::string_view name);

/// Whether a row has this Python package, by its canonical name.
bool is_known_package(std::string_view canonical);

}  // namespace mxpath::diagnose
