// One walk over a schema: each keyword is copied, left out or refused.
#include "grammar/schema_check.h"

#include <algorithm>

#include "base/text.h"
#include "grammar/schema_checker.h"
#include "grammar/schema_cost.h"
#include "grammar/schema_least.h"
#include "grammar/schema_place.h"
#include "grammar/schema_words.h"

namespace mxpath::grammar {
SchemaError Checker::wrong(std::string_view at, std::string_view keyword, std::string_view why) {
  const std::string pointer = keyword.empty() ? std::string(at) : joined(at, keyword);
  return {
      .sentence = fmt::format("{} ({})", why, place_in_words(at)), .pointer = pointer, .keyword = std::string(keyword)};
}

Checked Checker::left_out(const Here& here, std::string_view keyword, std::string_view why) {
  const std::string sentence = fmt::format("{} cannot be enforced, {}", printable(keyword), why);
  if (strict_) return wrong(here.at, keyword, sentence + "; leave it out, or set strict to false");
  warnings_.push_back(fmt::format("{} ({})", sentence, place_in_words(here.at)));
  return {};
}

Checked Checker::count(size_t& counter, size_t more, size_t limit, const Here& here, std::string_view keyword,
                       std::string_view what) {
  counter += more;
  if (counter > limit)
    return wrong(here.at, keyword,
                 fmt::format("the schema must have at most {} {}, and {} has one more", limit, what, keyword));
  return {};
}

Result<Json, SchemaError> Checker::schema(const Json& in, const std::string& at, int depth) {
  if (in.is_boolean()) return in;
  if (!in.is_object()) return wrong(at, "", "a schema must be an object, true or false");
  if (depth > limits_.depth)
    return wrong(at, "", fmt::format("schemas must not stand deeper than {} in one another", limits_.depth));
  Here here{.in = in, .at = at, .depth = depth};
  for (const char* keyword : {"$defs", "definitions"})
    if (in.contains(keyword)) MXPATH_CHECK(schema_map(here, keyword));
  if (in.contains("type")) MXPATH_CHECK(check_types(here));
  const std::string_view choice = deciding_choice(in);
  if (choice.empty()) MXPATH_CHECK(typed(here));
  else MXPATH_CHECK(chosen(here, choice));
  return std::move(here.out);
}

// The compiler looks at the deciding keyword and at nothing beside it.
Checked Checker::chosen(Here& here, std::string_view keyword) {
  const bool literal = keyword == "const" || keyword == "enum";
  for (const auto& [other, value] : here.in.items()) {
    const KeywordKind kind = kind_of(other);
    if (other == keyword || kind == KeywordKind::annotation || kind == KeywordKind::definitions) continue;
    if (literal && other == "type") continue;  // each value is held against it
    MXPATH_CHECK(left_out(here, other, fmt::format("because it stands beside \"{}\"", keyword)));
  }
  if (keyword == "$ref") return reference(here);
  if (literal) return values(here, keyword);
  const Json& list = here.in[keyword];
  if (keyword == "allOf" && list.is_array() && list.size() > 1)
    return left_out(here, keyword, "because it joins several schemas");
  MXPATH_CHECK(schemas_of(here, std::string(keyword)));
  // The compiler proves less than that branches of different types exclude each other.
  if (keyword == "oneOf" && have_no_type_in_common(list)) {
    here.out["anyOf"] = std::move(here.out["oneOf"]);
    here.out.erase("oneOf");
  }
  return {};
}

Checked Checker::schemas_of(Here& here, const std::string& keyword) {
  const Json& list = here.in[keyword];
  if (!list.is_array() || list.empty())
    return wrong(here.at, keyword, fmt::format("{} must be a list of schemas that is not empty", keyword));
  Json out = Json::array();
  for (size_t i = 0; i < list.size(); ++i) {
    MXPATH_TRY(Json one, schema(list[i], joined(joined(here.at, keyword), std::to_string(i)), here.depth + 1));
    out.push_back(std::move(one));
  }
  here.out[keyword] = std::move(out);
  return {};
}

Checked Checker::schema_map(Here& here, const std::string& keyword) {
  const Json& map = here.in[keyword];
  if (!map.is_object()) return wrong(here.at, keyword, fmt::format("{} must be an object of schemas", keyword));
  MXPATH_CHECK(count(properties_, map.size(), limits_.properties, here, keyword, "properties"));
  // Adding a key to an object of this type looks through all of them; here each is new.
  Json::object_t out;
  out.reserve(map.size());
  for (const auto& [name, value] : map.items()) {
    MXPATH_CHECK(count(characters_, name.size(), limits_.characters, here, keyword, "characters"));
    MXPATH_TRY(Json one, schema(value, joined(joined(here.at, keyword), name), here.depth + 1));
    out.Container::emplace_back(name, std::move(one));
  }
  here.out[keyword] = std::move(out);
  return {};
}

Checked Checker::one_schema(Here& here, const std::string& keyword) {
  // Nothing beside them evaluates anything, so what is not evaluated is what is not listed.
  std::string same = keyword;
  if (keyword == "unevaluatedProperties") same = "additionalProperties";
  if (keyword == "unevaluatedItems") same = "items";
  if (same != keyword && here.in.contains(same)) return {};
  MXPATH_TRY(Json one, schema(here.in[keyword], joined(here.at, keyword), here.depth + 1));
  here.out[same] = std::move(one);
  return {};
}

Checked Checker::property_names(Here& here) {
  Json names = here.in["propertyNames"];
  if (names.is_object() && !names.contains("type") && deciding_choice(names).empty()) names["type"] = "string";
  MXPATH_TRY(Json one, schema(names, joined(here.at, "propertyNames"), here.depth + 1));
  here.out["propertyNames"] = std::move(one);
  return {};
}

// Whether values may be of the type that a keyword is about.
bool Checker::may_be(const Here& here, KeywordKind kind) const {
  const auto names = [&](std::string_view type) {
    const Json& types = here.out["type"];
    return types == type || (types.is_array() && std::find(types.begin(), types.end(), Json(type)) != types.end());
  };
  switch (kind) {
    case KeywordKind::object: return names("object");
    case KeywordKind::array: return names("array");
    case KeywordKind::string: return names("string");
    default: return names("integer") || names("number");
  }
}

Checked Checker::typed(Here& here) {
  const auto has = [&](const char* keyword) { return here.in.contains(keyword); };
  if (has("type")) here.out["type"] = here.in["type"];
  else if (has("properties") || has("additionalProperties") || has("patternProperties")) here.out["type"] = "object";
  else if (has("items") || has("prefixItems")) here.out["type"] = "array";
  for (const auto& [keyword, value] : here.in.items()) {
    const KeywordKind kind = kind_of(keyword);
    switch (kind) {
      case KeywordKind::annotation:
      case KeywordKind::definitions:
      case KeywordKind::type:
      case KeywordKind::choice: continue;
      case KeywordKind::unenforceable:
        if (keyword == "uniqueItems" && value == false) continue;
        MXPATH_CHECK(left_out(here, keyword, "because it says what no grammar can"));
        continue;
      case KeywordKind::unknown: MXPATH_CHECK(left_out(here, keyword, "because it is not known")); continue;
      default: break;
    }
    if (!here.out.contains("type")) {
      MXPATH_CHECK(left_out(here, keyword, "because no \"type\" stands beside it"));
    } else if (may_be(here, kind)) {
      if (kind == KeywordKind::object) MXPATH_CHECK(object_keyword(here, keyword));
      else if (kind == KeywordKind::string) MXPATH_CHECK(string_keyword(here, keyword));
      else if (kind == KeywordKind::number) MXPATH_CHECK(number_keyword(here, keyword));
      else if (keyword == "prefixItems") MXPATH_CHECK(schemas_of(here, keyword));
      else if (keyword == "minItems" || keyword == "maxItems") MXPATH_CHECK(size_keyword(here, keyword));
      else MXPATH_CHECK(one_schema(here, keyword));
    }
  }
  // What names its properties has no others, unless it says so: a model invents them.
  if (here.out.contains("properties") && !has("additionalProperties") && !has("unevaluatedProperties") &&
      !here.out.contains("patternProperties"))
    here.out["additionalProperties"] = false;
  MXPATH_CHECK(check_bounds(here));
  milliseconds_ += milliseconds_of_object(here.out);
  if (milliseconds_ > limits_.milliseconds)
    return wrong(here.at, "properties",
                 "properties would take too long to compile: require more of them, or have fewer");
  return {};
}

Checked Checker::object_keyword(Here& here, const std::string& keyword) {
  if (keyword == "required") return required(here);
  if (keyword == "minProperties" || keyword == "maxProperties") return size_keyword(here, keyword);
  const bool names_keys = keyword == "patternProperties" || keyword == "propertyNames";
  if (!names_keys) return keyword == "properties" ? schema_map(here, keyword) : one_schema(here, keyword);
  const bool with_properties = here.in.contains("properties") && !here.in["properties"].empty();
  if (with_properties) return left_out(here, keyword, "because it stands beside \"properties\"");
  if (keyword == "propertyNames" && here.in.contains("patternProperties"))
    return left_out(here, keyword, "because it stands beside \"patternProperties\"");
  if (keyword == "propertyNames") return property_names(here);
  const Json& patterns = here.in[keyword];
  if (patterns.is_object() && patterns.size() > 1)
    return left_out(here, keyword, "because several patterns may be about one name");
  if (patterns.is_object() && !patterns.empty()) {
    const std::string_view problem = problem_of_pattern(patterns.begin().key());
    if (!problem.empty()) return left_out(here, keyword, fmt::format("because of its pattern: {}", problem));
    if (written_out(patterns.begin().key()) > limits_.written_out)
      return wrong(here.at, keyword, "the repetitions of its pattern are too many");
  }
  return schema_map(here, keyword);
}

Result<CheckedSchema, SchemaError> check_schema(const Json& schema, bool strict, const SchemaLimits& limits) {
  Checker checker(schema, strict, limits);
  MXPATH_TRY(Json enforced, checker.schema(schema, "", 1));
  if (const auto found = first_endless(enforced, limits.least))
    return Checker::wrong(found->at, found->keyword, found->why);
  return CheckedSchema{.enforced = std::move(enforced), .warnings = checker.take_warnings()};
}

int deepest_nesting(std::string_view text) {
  int depth = 0, deepest = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') ++i;
    else if (c == '(' || c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    else if (c == ')' || c == ']' || c == '}') --depth;
  }
  return deepest;
}

}  // namespace mxpath::grammar
