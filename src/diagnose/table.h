// The files of data/diagnose, which are built into the program, and what they are once they are read.
#pragma once
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mxpath::diagnose {

/// A file of data/diagnose as it was when the program was built.
struct TableFile {
  std::string_view name;  ///< "answers"
  std::string_view json;
};
/// All of them, by name.
std::span<const TableFile> table_files();
/// The text of one; empty for a name that no file has.
std::string_view table_json(std::string_view name);
/// Those whose names begin with `prefix`, by name.
std::vector<TableFile> table_files_of(std::string_view prefix);

/// The rows of one file, and the texts that they look into: a row is good as long as its table. Texts stay where they
/// are when a table is moved; rows of a copy would look into the original.
template <class Row>
struct Table {
  Table() = default;
  Table(Table&&) = default;
  Table& operator=(Table&&) = default;

  std::vector<Row> rows;
  std::deque<std::string> texts;
};

/// A table of the program's own; empty if it cannot be read. Tests prove that each can be, so nobody is told at run
/// time.
template <class Row>
Table<Row> built_in(Result<Table<Row>> (*from_json)(std::string_view json, std::string_view file),
                    std::string_view name) {
  auto table = from_json(table_json(name), name);
  return table.ok() ? std::move(table).value() : Table<Row>();
}

/// One table for each of table_files_of(prefix).
template <class Row>
std::vector<Table<Row>> built_in_all(Result<Table<Row>> (*from_json)(std::string_view json, std::string_view file),
                                     std::string_view prefix) {
  std::vector<Table<Row>> tables;
  for (const TableFile& file : table_files_of(prefix)) tables.push_back(built_in(from_json, file.name));
  return tables;
}

}  // namespace mxpath::diagnose
