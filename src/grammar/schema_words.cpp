#include "grammar/schema_words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>

namespace mxpath::grammar {
namespace {

using namespace std::string_view_literals;

constexpr std::array choices{"$ref"sv, "const"sv, "enum"sv, "anyOf"sv, "oneOf"sv, "allOf"sv};
constexpr std::array types{"null"sv, "boolean"sv, "object"sv, "array"sv, "number"sv, "string"sv, "integer"sv};

struct Group {
  KeywordKind kind;
  std::initializer_list<std::string_view> keywords;
};
const Group groups[] = {
    {KeywordKind::annotation,
     {"title", "description", "default", "examples", "example", "$schema", "$id", "$comment", "readOnly", "writeOnly",
      "deprecated", "contentEncoding", "contentMediaType", "contentSchema", "$anchor", "$vocabulary"}},
    {KeywordKind::definitions, {"$defs", "definitions"}},
    {KeywordKind::type, {"type"}},
    {KeywordKind::object,
     {"properties", "required", "additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames",
      "minProperties", "maxProperties"}},
    {KeywordKind::array, {"items", "prefixItems", "unevaluatedItems", "minItems", "maxItems"}},
    {KeywordKind::string, {"minLength", "maxLength", "pattern", "format"}},
    {KeywordKind::number, {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
    {KeywordKind::unenforceable,
     {"not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "contains", "minContains",
      "maxContains", "uniqueItems", "additionalItems", "$dynamicRef", "$dynamicAnchor", "$recursiveRef",
      "$recursiveAnchor"}},
};

bool is_of_one(const Json& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  return value.is_number_integer() ||
         (value.is_number_float() && value.get<double>() == std::trunc(value.get<double>()));
}

// What follows a backslash and means one character below 0x20.
bool is_control_escape(std::string_view escape) {
  if (std::string_view("tnrfv0c").find(escape[0]) != std::string_view::npos) return true;
  return escape.starts_with("x0") || escape.starts_with("x1") || escape.starts_with("u000") ||
         escape.starts_with("u001");
}

// Whether `|` stands outside of all brackets.
bool has_alternatives(std::string_view pattern) {
  int depth = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') ++i;
    else if (c == '(' || c == '[') ++depth;
    else if (c == ')' || c == ']') --depth;
    else if (c == '|' && depth <= 0) return true;
  }
  return false;
}

bool ends_anchored(std::string_view pattern) {
  if (!pattern.ends_with('$')) return false;
  size_t slashes = 0;
  while (slashes + 1 < pattern.size() && pattern[pattern.size() - 2 - slashes] == '\\') ++slashes;
  return slashes % 2 == 0;
}

}  // namespace

KeywordKind kind_of(std::string_view keyword) {
  if (std::find(choices.begin(), choices.end(), keyword) != choices.end()) return KeywordKind::choice;
  for (const Group& group : groups)
    if (std::find(group.keywords.begin(), group.keywords.end(), keyword) != group.keywords.end()) return group.kind;
  return keyword.starts_with("x-") ? KeywordKind::annotation : KeywordKind::unknown;
}

std::string_view deciding_choice(const Json& schema) {
  for (const std::string_view keyword : choices)
    if (schema.contains(keyword)) return keyword;
  return {};
}

bool is_json_type(std::string_view name) { return std::find(types.begin(), types.end(), name) != types.end(); }

bool is_of_type(const Json& value, const Json& type) {
  if (type.is_string()) return is_of_one(value, type.get_ref<const std::string&>());
  return type.is_array() && std::any_of(type.begin(), type.end(), [&](const Json& one) {
           return one.is_string() && is_of_one(value, one.get_ref<const std::string&>());
         });
}

bool is_known_format(std::string_view format) {
  constexpr std::array known{"email"sv,         "date"sv,
                             "time"sv,          "date-time"sv,
                             "duration"sv,      "ipv4"sv,
                             "ipv6"sv,          "hostname"sv,
                             "uuid"sv,          "uri"sv,
                             "uri-reference"sv, "uri-template"sv,
                             "json-pointer"sv,  "relative-json-pointer"sv};
  return std::find(known.begin(), known.end(), format) != known.end();
}

std::string_view pattern_of_format(std::string_view format) {
  // The compiler's takes leading zeros.
  if (format == "ipv4")
    return "^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$";
  // The compiler's knows quoted names, and takes a millisecond a mask for them.
  if (format == "email")
    return "^[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
           "(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$";
  return {};
}

bool have_no_type_in_common(const Json& schemas) {
  std::set<std::string> seen;
  for (const Json& schema : schemas) {
    if (!schema.is_object() || !schema.contains("type")) return false;
    const Json allowed = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    for (const Json& type : allowed) {
      if (!type.is_string()) return false;
      // Every integer is a number.
      const std::string& name = type.get_ref<const std::string&>();
      if (!seen.insert(name == "integer" ? "number" : name).second) return false;
    }
  }
  return true;
}

std::string_view problem_of_pattern(std::string_view pattern) {
  if (!std::all_of(pattern.begin(), pattern.end(), [](char c) { return c >= 0x20 && c < 0x7f; }))
    return "it has characters outside of printable ASCII";
  for (const std::string_view part : {"(?=", "(?!", "(?<", "(?P", "(?i", "\\b", "\\B", "\\p", "\\P", "\\k"})
    if (pattern.find(part) != std::string_view::npos) return "it looks around, names groups, or names kinds of letters";
  for (size_t i = 0; i + 1 < pattern.size(); ++i) {
    if (pattern[i] != '\\') continue;
    if (pattern[i + 1] >= '1' && pattern[i + 1] <= '9') return "it refers back";
    if (pattern[i + 1] == '\\') return "it has a backslash, which JSON escapes";
    if (is_control_escape(pattern.substr(i + 1))) return "it has a control character, which JSON escapes";
    ++i;
  }
  if (pattern.find('"') != std::string_view::npos) return "it has a quotation mark, which JSON escapes";
  return {};
}

std::string pattern_of_whole(std::string_view pattern) {
  // With alternatives the stricter reading is kept: each of them is the whole text.
  if (has_alternatives(pattern)) return std::string(pattern);
  std::string whole(pattern);
  if (!pattern.starts_with('^')) whole = ".*" + whole;
  if (!ends_anchored(pattern)) whole += ".*";
  return whole;
}

}  // namespace mxpath::grammar
