// Tables from JSON. Reading is strict: a misspelt field must not turn into a silent default.
#pragma once
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "diagnose/conditions.h"
#include "diagnose/language.h"
#include "diagnose/table.h"

namespace mxpath::diagnose {

/// What the rows of one file have in common while it is read.
struct TableContents {
  std::string_view file;
  Json shared = Json::object();   ///< values that rows refer to as "@name"
  std::set<std::string> used;     ///< names of those that a row referred to
  std::deque<std::string> texts;  ///< where the rows' texts end up
  std::set<std::string> seen;     ///< values that may occur once in the file
  std::optional<Error> error;     ///< the first thing that is wrong
};

/// One row, whose every field has to be asked for. The first problem of the file is kept, with its row; what follows
/// reads as a default.
class RowReader {
 public:
  /// `number` counts the entries of "rows" from 1.
  RowReader(const Json& row, size_t number, TableContents& contents);

  /// Complains about those that are absent.
  void require(std::initializer_list<const char*> fields);
  bool has(const char* field) { return find(field) != nullptr; }

  /// Whether the field is there and is one text.
  bool is_text(const char* field);
  /// A text, or an array of pieces that are joined as they are; "" where the field is absent.
  std::string_view text(const char* field);
  /// {"en": …, "ko": …}, both there; empty where the field is absent.
  Phrase phrase(const char* field);
  /// An array of texts, none empty.
  std::vector<std::string_view> texts(const char* field);
  bool truth(const char* field);
  /// `otherwise` where the field is absent.
  int number(const char* field, int low, int high, int otherwise);
  Capabilities capabilities(const char* field);

  /// One of the first `count` values of an enum, by its name.
  template <class Enum>
  Enum one_of(const char* field, int count, Enum otherwise) {
    const Json* value = find(field);
    return value ? named<Enum>(*value, field, count, otherwise) : otherwise;
  }
  template <class Enum>
  std::vector<Enum> list_of(const char* field, int count) {
    std::vector<Enum> list;
    for (const Json& value : array(field)) list.push_back(named<Enum>(value, field, count, Enum{}));
    return list;
  }
  /// A set that has add(Enum).
  template <class Set, class Enum>
  Set set_of(const char* field, int count) {
    Set set;
    for (Enum value : list_of<Enum>(field, count)) set.add(value);
    return set;
  }

  /// Complains if `value` of `field` stands in an earlier row.
  void unique(const char* field, std::string_view value);
  /// The first complaint of a file is its error.
  void complain(const char* field, std::string_view problem);
  /// After the last field: what has not been asked for is unknown.
  void done();

 private:
  const Json* find(const char* field);
  const Json& array(const char* field);
  std::string_view kept(std::string text) { return contents_.texts.emplace_back(std::move(text)); }
  std::string_view text_of(const Json& value, const char* field);
  std::string where() const;

  template <class Enum>
  Enum named(const Json& value, const char* field, int count, Enum otherwise) {
    std::string names;
    for (int i = 0; i < count; ++i) {
      const std::string_view name = name_of(static_cast<Enum>(i));
      if (value.is_string() && value.get_ref<const std::string&>() == name) return static_cast<Enum>(i);
      names += (i > 0 ? ", " : "") + std::string(name);
    }
    complain(field, value.dump(-1, ' ', true) + " is not known; it may be " + names);
    return otherwise;
  }

  const Json& row_;
  size_t number_;
  TableContents& contents_;
  std::vector<const char*> known_;
};

/// The parts of a file that are the same for all tables: "about", "shared" and "rows". Errors as parse_json, and
/// another form than that.
Result<std::pair<Json, TableContents>> open_table(std::string_view json, std::string_view file);
/// The first complaint, or a shared value that no row uses.
Status close_table(TableContents& contents);
/// A row that is only a heading for who reads the file: {"section": …}.
bool is_section(const Json& row);

/// All rows of a file by `row_from`. Errors: as parse_json; the first row that is wrong, with file, number and id.
template <class Row>
Result<Table<Row>> read_table(std::string_view json, std::string_view file, Row (*row_from)(RowReader&)) {
  MXPATH_TRY(auto opened, open_table(json, file));
  auto& [rows, contents] = opened;
  Table<Row> table;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (is_section(rows[i])) continue;
    RowReader reader(rows[i], i + 1, contents);
    table.rows.push_back(row_from(reader));
    reader.done();
  }
  MXPATH_CHECK(close_table(contents));
  table.texts = std::move(contents.texts);
  return table;
}

}  // namespace mxpath::diagnose
