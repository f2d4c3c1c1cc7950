#include "diagnose/table_reader.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"

namespace mxpath::diagnose {
namespace {

constexpr const char* about = "about";
constexpr const char* shared = "shared";
constexpr const char* rows = "rows";
constexpr const char* section = "section";
constexpr const char* comment = "comment";  // in any row, for who reads the file
constexpr char reference = '@';

const Json nothing = Json::array();

bool is_known(const std::vector<const char*>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const char* known) { return name == known; });
}

}  // namespace

RowReader::RowReader(const Json& row, size_t number, TableContents& contents)
    : row_(row), number_(number), contents_(contents) {
  if (!row.is_object()) complain("", "it must be an object");
  find(comment);
}

void RowReader::require(std::initializer_list<const char*> fields) {
  for (const char* field : fields)
    if (!find(field)) complain(field, "it is missing");
}

bool RowReader::is_text(const char* field) {
  const Json* value = find(field);
  return value && value->is_string();
}

std::string_view RowReader::text(const char* field) {
  const Json* value = find(field);
  return value ? text_of(*value, field) : std::string_view();
}

Phrase RowReader::phrase(const char* field) {
  const Json* value = find(field);
  if (!value) return {};
  if (!value->is_object() || value->size() != 2 || !value->contains("en") || !value->contains("ko")) {
    complain(field, "it must be {\"en\": …, \"ko\": …}");
    return {};
  }
  return {text_of((*value)["en"], field), text_of((*value)["ko"], field)};
}

std::vector<std::string_view> RowReader::texts(const char* field) {
  std::vector<std::string_view> list;
  for (const Json& value : array(field)) list.push_back(text_of(value, field));
  return list;
}

bool RowReader::truth(const char* field) {
  const Json* value = find(field);
  if (value && !value->is_boolean()) complain(field, "it must be true or false");
  return value && value->is_boolean() && value->get<bool>();
}

int RowReader::number(const char* field, int low, int high, int otherwise) {
  const Json* value = find(field);
  if (!value) return otherwise;
  const bool fits = value->is_number_integer() && value->get<int64_t>() >= low && value->get<int64_t>() <= high;
  if (!fits) complain(field, fmt::format("it must be a whole number from {} to {}", low, high));
  return fits ? value->get<int>() : otherwise;
}

Capabilities RowReader::capabilities(const char* field) {
  Capabilities capabilities;
  size_t count = 0;
  for (const Json& value : array(field)) {
    if (!value.is_number_integer() || value < 10 || value > 999 || count == capabilities.values.size())
      return complain(field,
                      fmt::format("it must hold at most {} capabilities such as 90 for 9.0", Capabilities::most)),
             capabilities;
    capabilities.values[count++] = value.get<int>();
  }
  return capabilities;
}

void RowReader::unique(const char* field, std::string_view value) {
  if (!contents_.seen.insert(std::string(value)).second)
    complain(field, fmt::format("\"{}\" stands in an earlier row", printable(value)));
}

void RowReader::complain(const char* field, std::string_view problem) {
  if (contents_.error) return;
  const std::string of_field = *field ? fmt::format("\"{}\": ", field) : std::string();
  contents_.error = fail("{}: {}{}", where(), of_field, problem);
}

void RowReader::done() {
  if (!row_.is_object()) return;
  for (const auto& [key, unused] : row_.items())
    if (!is_known(known_, key))
      complain("", fmt::format("unknown field \"{}\"; the fields are {}", printable(key), fmt::join(known_, ", ")));
}

const Json* RowReader::find(const char* field) {
  if (!is_known(known_, field)) known_.push_back(field);
  if (!row_.is_object()) return nullptr;
  const auto found = row_.find(field);
  if (found == row_.end()) return nullptr;
  if (!found->is_string() || !found->get_ref<const std::string&>().starts_with(reference)) return &*found;
  const std::string name = found->get_ref<const std::string&>().substr(1);
  const auto value = contents_.shared.find(name);
  if (value == contents_.shared.end()) {
    complain(field, fmt::format("\"{}\" has no value \"{}\"", shared, printable(name)));
    return nullptr;
  }
  contents_.used.insert(name);
  return &*value;
}

const Json& RowReader::array(const char* field) {
  const Json* value = find(field);
  if (!value) return nothing;
  if (value->is_array() && !value->empty()) return *value;
  complain(field, "it must be an array that is not empty");
  return nothing;
}

std::string_view RowReader::text_of(const Json& value, const char* field) {
  std::string text;
  bool right = value.is_string() || value.is_array();
  if (value.is_string()) text = value.get_ref<const std::string&>();
  if (value.is_array())
    for (const Json& piece : value) {
      if (piece.is_string()) text += piece.get_ref<const std::string&>();
      right = right && piece.is_string();
    }
  if (!right || text.empty()) complain(field, "it must be a text, or an array of its pieces, and not empty");
  return kept(std::move(text));
}

/// "data/diagnose/answers.json: row 3 (its id)".
std::string RowReader::where() const {
  const bool named = row_.is_object() && row_.contains("id") && row_["id"].is_string();
  return fmt::format("data/diagnose/{}.json: row {}{}", contents_.file, number_,
                     named ? " (" + printable(row_["id"].get_ref<const std::string&>()) + ")" : std::string());
}

Result<std::pair<Json, TableContents>> open_table(std::string_view json, std::string_view file) {
  const std::string where = fmt::format("data/diagnose/{}.json", file);
  MXPATH_TRY(Json document, parse_json(json, where));
  if (!document.is_object() || !document.contains(about) || !document.contains(rows) || !document[rows].is_array())
    return fail("{}: it must be an object with \"{}\" and the array \"{}\"", where, about, rows);
  TableContents contents;
  contents.file = file;
  for (const auto& [key, value] : document.items())
    if (!is_known({about, shared, rows}, key)) return fail("{}: unknown field \"{}\"", where, printable(key));
  if (document.contains(shared)) contents.shared = std::move(document[shared]);
  if (!contents.shared.is_object()) return fail("{}: \"{}\" must be an object", where, shared);
  return std::pair(std::move(document[rows]), std::move(contents));
}

Status close_table(TableContents& contents) {
  if (contents.error) return std::move(*contents.error);
  for (const auto& [name, unused] : contents.shared.items())
    if (contents.used.count(name) == 0)
      return fail("data/diagnose/{}.json: no row uses \"@{}\"; remove it from \"{}\"", contents.file, printable(name),
                  shared);
  return {};
}

bool is_section(const Json& row) { return row.is_object() && row.size() == 1 && row.contains(section); }

}  // namespace mxpath::diagnose
