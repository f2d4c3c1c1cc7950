// Whether a value satisfies a schema, for the keywords that the tests use.
#pragma once
#include <algorithm>
#include <string>

#include "base/json.h"
#include "grammar/schema_words.h"

namespace mxpath::grammar {

inline bool satisfies(const Json& value, const Json& schema, const Json& root);

inline bool object_satisfies(const Json& value, const Json& schema, const Json& root) {
  const Json properties = schema.value("properties", Json::object());
  for (const Json& name : schema.value("required", Json::array()))
    if (!value.contains(name.get<std::string>())) return false;
  for (const auto& [name, inner] : value.items()) {
    const Json others = schema.value("additionalProperties", Json(true));
    if (!satisfies(inner, properties.contains(name) ? properties[name] : others, root)) return false;
  }
  const auto size = static_cast<int64_t>(value.size());
  return size >= schema.value("minProperties", int64_t{0}) && size <= schema.value("maxProperties", INT64_MAX);
}

inline bool array_satisfies(const Json& value, const Json& schema, const Json& root) {
  const Json first = schema.value("prefixItems", Json::array());
  for (size_t i = 0; i < value.size(); ++i)
    if (!satisfies(value[i], i < first.size() ? first[i] : schema.value("items", Json(true)), root)) return false;
  const auto size = static_cast<int64_t>(value.size());
  return size >= schema.value("minItems", int64_t{0}) && size <= schema.value("maxItems", INT64_MAX);
}

inline bool string_satisfies(const std::string& value, const Json& schema) {
  const auto length = std::count_if(value.begin(), value.end(), [](char c) { return (c & 0xc0) != 0x80; });
  return length >= schema.value("minLength", int64_t{0}) && length <= schema.value("maxLength", INT64_MAX);
}

inline bool number_satisfies(const Json& value, const Json& schema) {
  const double number = value.get<double>();
  // An integer of more digits than a computer counts is read as a float.
  const bool counted = schema.contains("multipleOf") && value.is_number_integer();
  if (counted && value.get<int64_t>() % schema["multipleOf"].get<int64_t>() != 0) return false;
  return number >= schema.value("minimum", -1e308) && number <= schema.value("maximum", 1e308) &&
         number > schema.value("exclusiveMinimum", -1e308) && number < schema.value("exclusiveMaximum", 1e308);
}

inline bool satisfies(const Json& value, const Json& schema, const Json& root) {
  if (schema.is_boolean()) return schema.get<bool>();
  const auto fits = [&](const Json& other) { return satisfies(value, other, root); };
  if (schema.contains("$ref")) return fits(root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))));
  if (schema.contains("const") && value != schema["const"]) return false;
  const auto any = [&](const char* keyword, auto test) {
    return !schema.contains(keyword) || std::any_of(schema[keyword].begin(), schema[keyword].end(), test);
  };
  if (!any("enum", [&](const Json& one) { return value == one; }) || !any("anyOf", fits)) return false;
  if (schema.contains("type") && !is_of_type(value, schema["type"])) return false;
  if (value.is_object()) return object_satisfies(value, schema, root);
  if (value.is_array()) return array_satisfies(value, schema, root);
  if (value.is_string()) return string_satisfies(value.get_ref<const std::string&>(), schema);
  return !value.is_number() || number_satisfies(value, schema);
}

}  // namespace mxpath::grammar
