#include "diagnose/known_packages.h"

#include <algorithm>
#include <iterator>

#include "diagnose/table_reader.h"
#include "diagnose/version.h"

namespace mxpath::diagnose {
namespace {

KnownPackage package_from(RowReader& row) {
  KnownPackage known;
  row.require({"missing", "name", "package"});
  known.missing = row.one_of("missing", missing_count, Missing::python);
  known.name = row.text("name");
  row.unique("name", std::string(name_of(known.missing)) + " " + std::string(known.name));
  known.package = row.text("package");
  return known;
}

const std::vector<KnownPackage>& known_packages() {
  static const Table<KnownPackage> table = built_in(known_packages_from_json, "known_packages");
  return table.rows;
}

}  // namespace

std::string_view name_of(Missing missing) {
  constexpr std::string_view names[] = {"python", "header", "library"};
  static_assert(std::size(names) == missing_count);
  return names[static_cast<size_t>(missing)];
}

Result<Table<KnownPackage>> known_packages_from_json(std::string_view json, std::string_view file) {
  return read_table(json, file, package_from);
}

std::optional<std::string> package_with(Missing missing, std::string_view name) {
  std::string folded(name);
  for (char& c : folded)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  for (const KnownPackage& known : known_packages())
    if (known.missing == missing && (known.name == name || known.name == folded)) return std::string(known.package);
  return std::nullopt;
}

bool is_known_package(std::string_view canonical) {
  const auto& all = known_packages();
  return std::any_of(all.begin(), all.end(), [&](const KnownPackage& known) {
    return known.missing == Missing::python && canonical_package(known.package) == canonical;
  });
}

}  // namespace mxpath::diagnose
