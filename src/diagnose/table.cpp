#include "diagnose/table.h"

namespace mxpath::diagnose {

std::string_view table_json(std::string_view name) {
  for (const TableFile& file : table_files())
    if (file.name == name) return file.json;
  return {};
}

std::vector<TableFile> table_files_of(std::string_view prefix) {
  std::vector<TableFile> files;
  for (const TableFile& file : table_files())
    if (file.name.starts_with(prefix)) files.push_back(file);
  return files;
}

}  // namespace mxpath::diagnose
