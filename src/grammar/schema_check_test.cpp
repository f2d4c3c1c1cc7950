#include "grammar/schema_check.h"

#include <gtest/gtest.h>
#include <time.h>

#include "grammar/schema_cost.h"
#include "grammar/schema_place.h"
#include "grammar/schema_words.h"

namespace mxpath::grammar {
namespace {

Json json_of(std::string_view text) { return parse_json(text, "test").value(); }

std::string enforced(std::string_view text) {
  const auto checked = check_schema(json_of(text), true);
  return checked.ok() ? checked->enforced.dump() : "refused: " + checked.error().sentence;
}

/// "pointer keyword" of the error.
std::string refusal(const Json& schema, const SchemaLimits& limits = {}) {
  const auto checked = check_schema(schema, true, limits);
  return checked.ok() ? "taken" : checked.error().pointer + " " + checked.error().keyword;
}
std::string refusal_of(std::string_view text) { return refusal(json_of(text)); }

Json nested(int levels) {
  Json schema = {{"type", "string"}};
  for (int i = 1; i < levels; ++i) schema = Json{{"type", "object"}, {"properties", {{"a", std::move(schema)}}}};
  return schema;
}

TEST(SchemaCheck, AnnotationsAreLeftOut) {
  EXPECT_EQ(enforced(R"({"$schema":"x","$id":"y","title":"T","description":"d","type":"string","default":"a",
                         "examples":["b"],"readOnly":true,"$comment":"c","deprecated":false,"x-order":3})"),
            R"({"type":"string"})");
}

TEST(SchemaCheck, WhatNamesItsPropertiesHasNoOthers) {
  EXPECT_EQ(enforced(R"({"type":"object","properties":{"a":{"type":"null"}},"required":["a"]})"),
            R"({"type":"object","properties":{"a":{"type":"null"}},"required":["a"],"additionalProperties":false})");
  EXPECT_EQ(enforced(R"({"properties":{"a":{}},"additionalProperties":true})"),
            R"({"type":"object","properties":{"a":{}},"additionalProperties":true})");
  EXPECT_EQ(enforced(R"({"type":"object"})"), R"({"type":"object"})");
}

TEST(SchemaCheck, EachKeywordThatCannotBeEnforcedIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type":"number","multipleOf":0.5})", "/multipleOf multipleOf"},
      {R"({"type":"integer","multipleOf":2000})", "/multipleOf multipleOf"},
      {R"({"type":"integer","multipleOf":2,"minimum":0})", "/multipleOf multipleOf"},
      {R"({"type":"array","items":{},"uniqueItems":true})", "/uniqueItems uniqueItems"},
      {R"({"type":"array","contains":{}})", "/contains contains"},
      {R"({"type":"array","prefixItems":[{"not":{}}]})", "/prefixItems/0/not not"},
      {R"({"allOf":[{"type":"string"},{"minLength":1}]})", "/allOf allOf"},
      {R"({"type":"string","pattern":"a","minLength":2})", "/minLength minLength"},
      {R"({"type":"string","pattern":"a","format":"date"})", "/format format"},
      {R"({"type":"string","format":"poem"})", "/format format"},
      {R"({"type":"string","pattern":"(?=a)b"})", "/pattern pattern"},
      {R"({"type":"string","pattern":"a\\b"})", "/pattern pattern"},
      {R"({"type":"string","pattern":"(a)\\1"})", "/pattern pattern"},
      {R"({"type":"string","pattern":"\""})", "/pattern pattern"},
      {R"({"type":"string","pattern":"é"})", "/pattern pattern"},
      {R"({"$ref":"https://example.com/a"})", "/$ref $ref"},
      {R"({"$ref":"#name"})", "/$ref $ref"},
      {R"({"if":{},"then":{}})", "/if if"},
      {R"({"type":"object","dependentRequired":{}})", "/dependentRequired dependentRequired"},
      {R"({"type":"object","required":["b"],"properties":{"a":{}}})", "/required required"},
      {R"({"type":"object","properties":{"a":{}},"patternProperties":{"a":{}}})",
       "/patternProperties patternProperties"},
      {R"({"type":"object","patternProperties":{"a":{},"b":{}}})", "/patternProperties patternProperties"},
      {R"({"type":"object","properties":{"a":{}},"propertyNames":{}})", "/propertyNames propertyNames"},
      {R"({"minLength":3})", "/minLength minLength"},
      {R"({"type":"object","requird":[]})", "/requird requird"},
      {R"({"anyOf":[{"type":"string"}],"maxLength":3})", "/maxLength maxLength"},
      {R"({"$defs":{"a":{}},"$ref":"#/$defs/a","type":"object"})", "/type type"},
      {R"({"type":"object","properties":{"a/b~":{"type":"number","multipleOf":3}}})",
       "/properties/a~1b~0/multipleOf multipleOf"},
  };
  for (const auto& [schema, expected] : cases) {
    EXPECT_EQ(refusal_of(schema), expected) << schema;
    const auto lenient = check_schema(json_of(schema), false);
    ASSERT_TRUE(lenient.ok()) << schema << ": " << lenient.error().sentence;
    EXPECT_GE(lenient->warnings.size(), 1u) << schema;
    // What is left can be enforced.
    EXPECT_TRUE(check_schema(lenient->enforced, true).ok()) << lenient->enforced.dump();
  }
}

TEST(SchemaCheck, WhatIsNoSchemaIsRefusedAlways) {
  for (const char* schema : {R"([])",
                             R"("string")",
                             R"({"type":"text"})",
                             R"({"type":[]})",
                             R"({"type":3})",
                             R"({"enum":[]})",
                             R"({"enum":3})",
                             R"({"properties":[]})",
                             R"({"type":"object","required":"a"})",
                             R"({"anyOf":{}})",
                             R"({"anyOf":[]})",
                             R"({"type":"array","items":[{}]})",
                             R"({"type":"string","pattern":3})",
                             R"({"type":"integer","minimum":true})",
                             R"({"type":"integer","exclusiveMinimum":true})",
                             R"({"$ref":"#/$defs/none"})",
                             R"({"$ref":"#/a~2"})",
                             R"({"$ref":3})",
                             R"({"type":"string","enum":[1]})",
                             R"({"type":"integer","minimum":1e300})"}) {
    EXPECT_FALSE(check_schema(json_of(schema), false).ok()) << schema;
    EXPECT_FALSE(check_schema(json_of(schema), true).ok()) << schema;
  }
}

TEST(SchemaCheck, APointerLeadsSomewhereOrNowhere) {
  const Json root = json_of(R"({"a":[1,{"b/~":2}],"":3})");
  for (const auto& [pointer, value] : {std::pair("/a/0", 1), {"/a/1/b~1~0", 2}, {"/", 3}})
    EXPECT_EQ(pointed_to(root, pointer) ? *pointed_to(root, pointer) : Json(), value) << pointer;
  EXPECT_EQ(pointed_to(root, ""), &root);
  for (const char* pointer : {"a", "/b", "/a/2", "/a/-", "/a/-1", "/a/00", "/a/", "/a/99999999999999999999", "/a/0/0",
                              "/a/1/b~2", "/a/1/b~", "/a/0x", "/a/18446744073709551616"})
    EXPECT_EQ(pointed_to(root, pointer), nullptr) << pointer;
  // One such place threw out of here.
  EXPECT_EQ(refusal_of(R"({"$ref":"#/anyOf/99999999999999999999","anyOf":[{}]})"), "/anyOf anyOf");
  EXPECT_FALSE(check_schema(json_of(R"({"$ref":"#/anyOf/99999999999999999999","anyOf":[{}]})"), false).ok());
}

TEST(SchemaCheck, EachSentenceStatesTheFaultAndItsPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type":"text"})", "type must be the name of a JSON type, or a list of them (at the top of the schema)"},
      {R"({"properties":{"a":{"enum":[]}}})", "enum must be a list that is not empty (in property \"a\")"},
      {R"({"type":"integer","minimum":3,"maximum":2})", "minimum must not be above maximum (at the top of the schema)"},
      {R"({"type":"array","items":{"properties":3}})", "properties must be an object of schemas (in the items)"},
      {R"({"$defs":{"a/b":{"items":{"$ref":"#/x"}}}})",
       "$ref points to nothing: #/x (in the items of definition \"a/b\")"},
      {R"({"anyOf":[{},{"minLength":2,"type":"string","pattern":"a"}]})",
       "minLength cannot be enforced, because a pattern or format stands beside it; leave it out, or set strict to "
       "false (in anyOf[1])"},
  };
  for (const auto& [schema, sentence] : cases) EXPECT_EQ(enforced(schema), std::string("refused: ") + sentence);
  EXPECT_EQ(place_in_words("/properties/items/additionalProperties/prefixItems/0/not"),
            "in not of prefixItems[0] of the other properties of property \"items\"");
}

TEST(SchemaCheck, KeywordsOfOtherTypesSayNothing) {
  EXPECT_EQ(enforced(R"({"type":"boolean","minLength":3,"items":{"not":{}},"multipleOf":0.1})"),
            R"({"type":"boolean"})");
  EXPECT_EQ(enforced(R"({"type":["string","null"],"maxLength":3,"minimum":2})"),
            R"({"type":["string","null"],"maxLength":3})");
  EXPECT_EQ(enforced(R"({"type":"array","uniqueItems":false})"), R"({"type":"array"})");
}

TEST(SchemaCheck, WhatSaysTheSameInOtherWordsIsReworded) {
  EXPECT_EQ(enforced(R"({"type":"string","enum":["a",1,"b"]})"), R"({"enum":["a","b"]})");
  EXPECT_EQ(enforced(R"({"const":{"a":[1]}})"), R"({"enum":[{"a":[1]}]})");
  EXPECT_EQ(enforced(R"({"type":"integer","minimum":0.5,"exclusiveMaximum":7.5})"),
            R"({"type":"integer","minimum":1,"exclusiveMaximum":8})");
  EXPECT_EQ(pattern_of_whole("^a"), "^a.*");
  EXPECT_EQ(pattern_of_whole("a$"), ".*a$");
  EXPECT_EQ(pattern_of_whole("a\\$"), ".*a\\$.*");
  EXPECT_EQ(pattern_of_whole("^(a|b)$"), "^(a|b)$");
  EXPECT_EQ(pattern_of_whole("^a|b$"), "^a|b$");
}

TEST(SchemaCheck, WhatWouldTakeTheCompilerMinutesIsRefused) {
  EXPECT_EQ(written_out("a[b-z]\\d(cd)"), 5);
  EXPECT_EQ(written_out("(a{2,30}b){4}"), 124);
  EXPECT_EQ(written_out("a{3,}b{x}[{9}]"), 4 + 4 + 1);
  EXPECT_EQ(written_out("((((("), 0);
  EXPECT_EQ(refusal_of(R"({"type":"string","pattern":"^(.{1,5000}x){1,5000}$"})"), "/pattern pattern");
  EXPECT_EQ(refusal_of(R"({"type":"string","pattern":"^[a-z]{1,99999999999999999999}$"})"), "/pattern pattern");
  EXPECT_EQ(refusal_of(R"({"type":"string","pattern":"^[a-z ]{1,2000}$"})"), "taken");
  const auto object = [](int properties, bool required, Json others) {
    Json::object_t map;
    Json names = Json::array();
    for (int i = 0; i < properties; ++i) {
      map.push_back({"p" + std::to_string(i), Json::object()});
      names.push_back("p" + std::to_string(i));
    }
    Json schema{{"type", "object"}, {"properties", map}, {"additionalProperties", others}};
    if (required) schema["required"] = names;
    return schema;
  };
  EXPECT_EQ(refusal(object(5000, true, false)), "taken");
  EXPECT_EQ(refusal(object(500, false, false)), "taken");
  EXPECT_EQ(refusal(object(1000, false, false)), "/properties properties");
  EXPECT_EQ(refusal(object(100, true, true)), "taken");
  EXPECT_EQ(refusal(object(200, true, true)), "/properties properties");
}

TEST(SchemaCheck, EachLimitIsHeld) {
  EXPECT_EQ(refusal(nested(32)), "taken");
  EXPECT_NE(refusal(nested(33)), "taken");
  const auto properties = [](int count) {
    Json::object_t map;
    for (int i = 0; i < count; ++i) map.push_back({"p" + std::to_string(i), Json::object()});
    return Json{{"type", "object"}, {"properties", map}};
  };
  const SchemaLimits patient{.milliseconds = 1e9};
  EXPECT_EQ(refusal(properties(5000), patient), "taken");
  EXPECT_EQ(refusal(properties(5001), patient), "/properties properties");
  Json values = Json::array();
  for (int i = 0; i < 1000; ++i) values.push_back(i);
  EXPECT_EQ(refusal(Json{{"enum", values}}), "taken");
  values.push_back(1000);
  EXPECT_EQ(refusal(Json{{"enum", values}}), "/enum enum");
  EXPECT_EQ(refusal(Json{{"const", std::string(119'998, 'a')}}), "taken");
  EXPECT_EQ(refusal(Json{{"const", std::string(119'999, 'a')}}), "/const const");
  // They count over the whole schema.
  const Json pair = json_of(R"({"anyOf":[{"enum":[1,2]},{"enum":[3]}]})");
  EXPECT_EQ(refusal(pair, {.enum_values = 3}), "taken");
  EXPECT_EQ(refusal(pair, {.enum_values = 2}), "/anyOf/1/enum enum");
}

TEST(SchemaCheck, AThousandLevelsAreRefusedAtOnce) {
  const Json deep = nested(1000);
  timespec before{}, after{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  EXPECT_NE(refusal(deep), "taken");
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  const double seconds =
      static_cast<double>(after.tv_sec - before.tv_sec) + 1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
  EXPECT_LT(seconds, 0.05);
}

TEST(SchemaCheck, BracketsAreCounted) {
  EXPECT_EQ(deepest_nesting("a(b[c]{2})"), 2);
  EXPECT_EQ(deepest_nesting("\\(\\["), 0);
  EXPECT_EQ(deepest_nesting(")))("), 0);
}

}  // namespace
}  // namespace mxpath::grammar
