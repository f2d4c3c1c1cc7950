#include "checkpoint/config_fields.h"

#include <cmath>

#include "base/text.h"

namespace mxpath {
namespace {

std::string value_text(const Json& value) {
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

const Json* Fields::find(std::string_view name) const {
  const auto found = object_.find(std::string(name));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

Result<const Json*> Fields::find_any(std::initializer_list<std::string_view> names) const {
  const Json* first = nullptr;
  std::string_view first_name;
  for (const auto name : names) {
    const Json* value = find(name);
    if (value && first && *value != *first)
      return fail("{}: {}{} is {} but {}{} is {}; they mean the same and must agree", where_, prefix_, first_name,
                  value_text(*first), prefix_, name, value_text(*value));
    if (value && !first) first = value, first_name = name;
  }
  return first;
}

Error Fields::wrong(std::string_view name, const Json& value, std::string_view wanted) const {
  return fail("{}: {}{} is {}, but must be {}", where_, prefix_, name, value_text(value), wanted);
}

Error Fields::missing(std::string_view name) const {
  return fail("{}: the field {}{} is missing", where_, prefix_, name);
}

Result<std::optional<int64_t>> Fields::integer(std::initializer_list<std::string_view> names, int64_t low,
                                               int64_t high) const {
  MXPATH_TRY(const Json* value, find_any(names));
  if (!value) return std::optional<int64_t>();
  const auto wanted = [&] { return fmt::format("an integer from {} to {}", low, high); };
  if (!value->is_number_integer()) return wrong(*names.begin(), *value, wanted());
  if (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
    return wrong(*names.begin(), *value, wanted());
  const auto number = value->get<int64_t>();
  if (number < low || number > high) return wrong(*names.begin(), *value, wanted());
  return std::optional(number);
}

Result<std::optional<double>> Fields::number(std::string_view name, double low, double high) const {
  const Json* value = find(name);
  if (!value) return std::optional<double>();
  const double number = value->is_number() ? value->get<double>() : NAN;
  if (!(number >= low && number <= high)) return wrong(name, *value, fmt::format("a number from {} to {}", low, high));
  return std::optional(number);
}

Result<std::optional<bool>> Fields::boolean(std::string_view name) const {
  const Json* value = find(name);
  if (!value) return std::optional<bool>();
  if (!value->is_boolean()) return wrong(name, *value, "true or false");
  return std::optional(value->get<bool>());
}

Result<std::optional<std::string>> Fields::text(std::string_view name) const {
  const Json* value = find(name);
  if (!value) return std::optional<std::string>();
  if (!value->is_string()) return wrong(name, *value, "a string");
  return std::optional(value->get<std::string>());
}

Result<std::optional<Fields>> Fields::object(std::string_view name) const {
  const Json* value = find(name);
  if (!value) return std::optional<Fields>();
  if (!value->is_object()) return wrong(name, *value, "an object");
  return std::optional(Fields(*value, where_, fmt::format("{}{}.", prefix_, name)));
}

}  // namespace mxpath
