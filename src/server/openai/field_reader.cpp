#include "server/openai/field_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "base/text.h"

namespace mxpath::openai {
namespace {

constexpr size_t longest_told = 80;  // of what the caller wrote

ApiError out_of_range(std::string path, const auto& least, const auto& most, const Json& value) {
  const std::string sentence = fmt::format("{} must be between {} and {}, but it is {}", path, least, most,
                                           printable(value.dump(), longest_told));
  return bad_field(std::move(path), "{}", sentence);
}

/// A part's text; "" where a part without a type has none.
Asked<std::string> text_of_part(const Json& part, const std::string& path, std::span<const std::string_view> kinds) {
  MXPATH_TRY(const FieldReader fields, FieldReader::open(part, path));
  std::string type, text;
  MXPATH_CHECK(fields.text("type", type));
  const std::string_view holder = type == "refusal" ? "refusal" : "text";
  if (!type.empty() && type != "refusal" && std::ranges::find(kinds, type) == kinds.end())
    return bad_field(fields.path_of("type"),
                     "{}: a part of type \"{}\" cannot be read; this model reads text only ({})", path, printable(type),
                     fmt::join(kinds, ", "));
  if (!type.empty()) MXPATH_CHECK(fields.need(holder));
  MXPATH_CHECK(fields.text(holder, text));
  return text;
}

}  // namespace

std::string path_of_field(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

std::string path_of_item(std::string_view path, size_t index) { return fmt::format("{}[{}]", path, index); }

std::string_view kind_of(const Json& value) {
  if (value.is_string()) return "a text";
  if (value.is_number()) return "a number";
  if (value.is_boolean()) return "a boolean";
  if (value.is_array()) return "a list";
  return value.is_object() ? "an object" : "null";
}

ApiError wrong_type(std::string path, std::string_view wanted, const Json& value) {
  const std::string sentence =
      fmt::format("{} must be {}, but it is {}", path.empty() ? "the body" : path, wanted, kind_of(value));
  return bad_field(std::move(path), "{}", sentence);
}

Asked<FieldReader> FieldReader::open(const Json& value, std::string path) {
  if (!value.is_object()) return wrong_type(std::move(path), "an object", value);
  return FieldReader(value, std::move(path));
}

const Json* FieldReader::find(std::string_view name) const {
  const auto found = json_->find(name);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

Asked<const Json*> FieldReader::need(std::string_view name) const {
  if (const Json* value = find(name)) return value;
  return bad_field(path_of(name), "{} is missing", path_of(name));
}

Asked<void> FieldReader::text(std::string_view name, std::string& out) const {
  const Json* value = find(name);
  if (!value) return {};
  if (!value->is_string()) return wrong_type(path_of(name), "a text", *value);
  out = value->get_ref<const std::string&>();
  return {};
}

Asked<void> FieldReader::text(std::string_view name, std::optional<std::string>& out) const {
  return find(name) ? text(name, out.emplace()) : Asked<void>();
}

Asked<void> FieldReader::flag(std::string_view name, bool& out) const {
  const Json* value = find(name);
  if (!value) return {};
  if (!value->is_boolean()) return wrong_type(path_of(name), "true or false", *value);
  out = value->get<bool>();
  return {};
}

Asked<void> FieldReader::number(std::string_view name, double least, double most, float& out) const {
  const Json* value = find(name);
  if (!value) return {};
  if (!value->is_number()) return wrong_type(path_of(name), "a number", *value);
  const auto number = value->get<double>();
  if (!(number >= least && number <= most)) return out_of_range(path_of(name), least, most, *value);
  out = static_cast<float>(number);
  return {};
}

Asked<void> FieldReader::whole(std::string_view name, int64_t least, int64_t most, int64_t& out) const {
  const Json* value = find(name);
  if (!value) return {};
  if (!value->is_number()) return wrong_type(path_of(name), "a whole number", *value);
  const bool huge = value->is_number_unsigned() && value->get<uint64_t>() > std::numeric_limits<int64_t>::max();
  // Digits that no integer holds become a floating-point number.
  const bool whole = value->is_number_integer() || std::abs(value->get<double>()) >= 0x1p63;
  if (!whole)
    return bad_field(path_of(name), "{} must be a whole number, but it is {}", path_of(name),
                     printable(value->dump(), longest_told));
  if (huge || !value->is_number_integer()) return out_of_range(path_of(name), least, most, *value);
  const auto number = value->get<int64_t>();
  if (number < least || number > most) return out_of_range(path_of(name), least, most, *value);
  out = number;
  return {};
}

Asked<void> FieldReader::whole(std::string_view name, int least, int most, int& out) const {
  int64_t number = out;
  MXPATH_CHECK(whole(name, int64_t{least}, int64_t{most}, number));
  out = static_cast<int>(number);
  return {};
}

Asked<void> FieldReader::whole(std::string_view name, int least, int most, std::optional<int>& out) const {
  return find(name) ? whole(name, least, most, out.emplace()) : Asked<void>();
}

Asked<std::optional<size_t>> FieldReader::choice(std::string_view name, std::span<const std::string_view> names) const {
  std::optional<std::string> typed;
  MXPATH_CHECK(text(name, typed));
  if (!typed) return std::optional<size_t>();
  const auto found = std::ranges::find(names, std::string_view(*typed));
  if (found == names.end())
    return bad_field(path_of(name), "{} must be one of {}, but it is \"{}\"{}", path_of(name), fmt::join(names, ", "),
                     printable(*typed, longest_told), nearest_note(*typed, names));
  return std::optional<size_t>(static_cast<size_t>(found - names.begin()));
}

Asked<std::optional<FieldReader>> FieldReader::object(std::string_view name) const {
  const Json* value = find(name);
  if (!value) return std::optional<FieldReader>();
  MXPATH_TRY(FieldReader fields, open(*value, path_of(name)));
  return std::optional<FieldReader>(std::move(fields));
}

Asked<const Json*> FieldReader::list(std::string_view name) const {
  const Json* value = find(name);
  if (value && !value->is_array()) return wrong_type(path_of(name), "a list", *value);
  return value;
}

Asked<void> FieldReader::texts(std::string_view name, size_t most, std::vector<std::string>& out) const {
  const Json* value = find(name);
  if (!value) return {};
  const Json list = value->is_array() ? *value : Json::array({*value});
  if (list.size() > most)
    return bad_field(path_of(name), "{} may have up to {} texts, but it has {}", path_of(name), most, list.size());
  std::vector<std::string> texts;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string path = value->is_array() ? path_of_item(path_of(name), i) : path_of(name);
    if (!list[i].is_string()) return wrong_type(path, "a text", list[i]);
    if (list[i].get_ref<const std::string&>().empty()) return bad_field(path, "{} is empty", path);
    texts.push_back(list[i].get<std::string>());
  }
  out = std::move(texts);
  return {};
}

void FieldReader::warn_of_others(std::span<const std::string_view> known, std::vector<std::string>& warnings) const {
  for (const auto& [name, value] : json_->items())
    if (std::ranges::find(known, name) == known.end())
      warnings.push_back(fmt::format("{} is not known and was left out{}", printable(path_of(name), longest_told),
                                     nearest_note(name, known)));
}

Asked<std::string> text_of_content(const Json& content, const std::string& path,
                                   std::span<const std::string_view> kinds) {
  if (content.is_null()) return std::string();
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return wrong_type(path, "a text or a list of parts", content);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    MXPATH_TRY(const std::string part, text_of_part(content[i], path_of_item(path, i), kinds));
    text += part;
  }
  return text;
}

}  // namespace mxpath::openai
