// Keywords of a schema that hold no schemas.
#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "grammar/schema_checker.h"
#include "grammar/schema_cost.h"
#include "grammar/schema_place.h"

namespace mxpath::grammar {
namespace {

// The compiler counts multiples in an automaton with this many states.
constexpr double largest_multiple = 1024;
constexpr double largest_size = 2147483647;

// Whether names that the schema does not list may come: then one may come several times, and counts once.
bool has_free_names(const Json& schema) {
  if (schema.contains("patternProperties")) return true;
  for (const char* keyword : {"additionalProperties", "unevaluatedProperties"})
    if (schema.contains(keyword)) return schema[keyword] != false;
  return !schema.contains("properties");
}

}  // namespace

Checked Checker::check_types(const Here& here) const {
  const Json& type = here.in["type"];
  const auto known = [](const Json& one) { return one.is_string() && is_json_type(one.get_ref<const std::string&>()); };
  if (known(type)) return {};
  if (type.is_array() && !type.empty() && std::all_of(type.begin(), type.end(), known)) return {};
  return wrong(here.at, "type", "type must be the name of a JSON type, or a list of them");
}

Checked Checker::reference(Here& here) {
  const Json& target = here.in["$ref"];
  if (!target.is_string()) return wrong(here.at, "$ref", "$ref must be a string");
  const std::string& text = target.get_ref<const std::string&>();
  MXPATH_CHECK(count(characters_, text.size(), limits_.characters, here, "$ref", "characters"));
  if (text != "#" && !text.starts_with("#/"))
    return left_out(here, "$ref", "because it leads out of the schema or to a name");
  // Percent signs are for URIs; who writes them gets the compiler's word on them.
  if (text.find('%') == std::string::npos) {
    if (!pointed_to(root_, std::string_view(text).substr(1)))
      return wrong(here.at, "$ref", fmt::format("$ref points to nothing: {}", printable(text, 100)));
  }
  here.out["$ref"] = target;
  return {};
}

Checked Checker::values(Here& here, std::string_view keyword) {
  const Json& given = here.in[keyword];
  if (keyword == "enum" && (!given.is_array() || given.empty()))
    return wrong(here.at, keyword, "enum must be a list that is not empty");
  const Json list = keyword == "enum" ? given : Json::array({given});
  MXPATH_CHECK(count(enum_values_, list.size(), limits_.enum_values, here, keyword, "values of enum"));
  Json fitting = Json::array();
  for (const Json& value : list) {
    const size_t length = value.dump(-1, ' ', false, Json::error_handler_t::replace).size();
    MXPATH_CHECK(count(characters_, length, limits_.characters, here, keyword, "characters"));
    if (!here.in.contains("type") || is_of_type(value, here.in["type"])) fitting.push_back(value);
  }
  if (fitting.empty())
    return wrong(here.at, keyword, fmt::format("{} must have a value of the type that stands beside it", keyword));
  here.out["enum"] = std::move(fitting);
  return {};
}

Checked Checker::required(Here& here) {
  const Json& names = here.in["required"];
  const auto is_string = [](const Json& name) { return name.is_string(); };
  if (!names.is_array() || !std::all_of(names.begin(), names.end(), is_string))
    return wrong(here.at, "required", "required must be a list of names");
  const bool listed = here.in.contains("properties") && here.in["properties"].is_object();
  std::set<std::string_view> known;
  if (listed)
    for (const auto& [name, value] : here.in["properties"].items()) known.insert(name);
  Json enforced = Json::array();
  for (const Json& name : names) {
    if (known.contains(name.get_ref<const std::string&>())) enforced.push_back(name);
    else
      MXPATH_CHECK(left_out(here, "required",
                            fmt::format("because \"properties\" does not describe \"{}\"",
                                        printable(name.get_ref<const std::string&>()))));
  }
  here.out["required"] = std::move(enforced);
  return {};
}

Checked Checker::string_keyword(Here& here, const std::string& keyword) {
  const Json& value = here.in[keyword];
  const bool patterned = here.in.contains("pattern");
  if (keyword == "minLength" || keyword == "maxLength") {
    if (patterned || here.in.contains("format"))
      return left_out(here, keyword, "because a pattern or format stands beside it");
    return size_keyword(here, keyword);
  }
  if (!value.is_string()) return wrong(here.at, keyword, fmt::format("{} must be a string", keyword));
  const std::string& text = value.get_ref<const std::string&>();
  MXPATH_CHECK(count(characters_, text.size(), limits_.characters, here, keyword, "characters"));
  if (keyword == "format") {
    if (patterned) return left_out(here, keyword, "because a pattern stands beside it");
    if (!is_known_format(text)) return left_out(here, keyword, "because this format is not known");
    if (const std::string_view pattern = pattern_of_format(text); !pattern.empty()) here.out["pattern"] = pattern;
    else here.out[keyword] = value;
    return {};
  }
  if (const std::string_view problem = problem_of_pattern(text); !problem.empty())
    return left_out(here, keyword, fmt::format("because {}", problem));
  if (deepest_nesting(text) > limits_.depth)
    return wrong(here.at, keyword, fmt::format("pattern must not have brackets deeper than {}", limits_.depth));
  if (written_out(text) > limits_.written_out)
    return wrong(
        here.at, keyword,
        fmt::format("pattern must not be longer than {} characters with its repetitions written out: repeat less",
                    limits_.written_out));
  here.out[keyword] = pattern_of_whole(text);
  return {};
}

// A count: of characters, items or properties.
Checked Checker::size_keyword(Here& here, const std::string& keyword) {
  const Json& value = here.in[keyword];
  const double size = value.is_number() ? value.get<double>() : -1;
  if (!(size >= 0 && size <= largest_size && size == std::floor(size)))
    return wrong(here.at, keyword,
                 fmt::format("{} must be a whole number from 0 to {}", keyword, static_cast<int64_t>(largest_size)));
  if (keyword == "minProperties" && size > 1 && has_free_names(here.in))
    return left_out(here, keyword, "because one name may come several times");
  here.out[keyword] = static_cast<int64_t>(size);
  return {};
}

Checked Checker::number_keyword(Here& here, const std::string& keyword) {
  const Json& value = here.in[keyword];
  if (!value.is_number()) return wrong(here.at, keyword, fmt::format("{} must be a number", keyword));
  if (keyword == "multipleOf") return multiple(here);
  const bool reworded = here.out["type"] == "integer" && value.is_number_float();
  if (!reworded) {
    here.out[keyword] = value;
    return {};
  }
  // The compiler wants whole bounds of integers: the nearest that says the same.
  const double bound = value.get<double>();
  if (!(std::abs(bound) < 9e15))
    return wrong(here.at, keyword, fmt::format("{} of integers must be nearer to 0 than 9e15", keyword));
  const bool up = keyword == "minimum" || keyword == "exclusiveMaximum";
  here.out[keyword] = static_cast<int64_t>(up ? std::ceil(bound) : std::floor(bound));
  return {};
}

Checked Checker::check_bounds(const Here& here) const {
  for (const auto& [least, most] : {std::pair("minimum", "maximum"),
                                    {"minLength", "maxLength"},
                                    {"minItems", "maxItems"},
                                    {"minProperties", "maxProperties"}})
    if (here.out.contains(least) && here.out.contains(most) && here.out[least] > here.out[most])
      return wrong(here.at, least, fmt::format("{} must not be above {}", least, most));
  return {};
}

Checked Checker::multiple(Here& here) {
  const double of = here.in["multipleOf"].get<double>();
  if (here.out["type"] != "integer") return left_out(here, "multipleOf", "because values may be no integers");
  if (of <= 0 || of > largest_multiple || of != std::floor(of))
    return left_out(here, "multipleOf", "because it is no whole number up to 1024");
  for (const char* bound : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
    if (here.in.contains(bound)) return left_out(here, "multipleOf", "because a bound stands beside it");
  here.out["multipleOf"] = static_cast<int64_t>(of);
  return {};
}

}  // namespace mxpath::grammar
