#include "grammar/schema_least.h"

#include <gtest/gtest.h>

#include <cmath>

#include "grammar/schema_check.h"

namespace mxpath::grammar {
namespace {

Json json_of(std::string_view text) { return parse_json(text, "test").value(); }

double least(std::string_view text) { return least_of(json_of(text)); }

std::string refusal_of(const Json& schema) {
  const auto checked = check_schema(schema, true);
  return checked.ok() ? "taken" : checked.error().pointer + " " + checked.error().keyword;
}

TEST(SchemaLeast, TheLeastValueIsCounted) {
  EXPECT_EQ(least(R"({"type":["string","null"],"minLength":1})"), 3);
  EXPECT_EQ(least(R"({"type":["string","null"],"minLength":9})"), 4);
  EXPECT_EQ(least(R"({"enum":["abc",1234,[1]]})"), 3);
  EXPECT_EQ(least(R"({"type":"array","prefixItems":[{"type":"null"},{"type":"null"}],"minItems":1})"), 6);
  EXPECT_EQ(least(R"({"type":"array","prefixItems":[{"type":"null"}],"minItems":3,"items":{"type":"string"}})"), 12);
  EXPECT_EQ(least(R"({"type":"object","properties":{"a":{"type":"null"},"b":{}},"required":["a"]})"), 11);
  EXPECT_EQ(least(R"({"type":"object","properties":{"a":{"type":"null"},"b":{}},"minProperties":1})"), 8);
  EXPECT_TRUE(std::isinf(least(R"({"type":"object","properties":{"a":{}},"minProperties":2,
                                   "additionalProperties":false})")));
  EXPECT_EQ(least(R"({"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"},{"type":"null"}]},
                     "b":{"type":"array","minItems":1,"items":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/b"})"),
            6);
}

TEST(SchemaLeast, WhatNeverEndsIsRefused) {
  for (const auto& [schema, place] : {
           std::pair(R"({"type":"object","properties":{"c":{"$ref":"#"}},"required":["c"]})",
                     "/properties/c/$ref $ref"),
           {R"({"type":"object","properties":{"c":{"$ref":"#"}},"minProperties":1})", "/properties/c/$ref $ref"},
           {R"({"type":"array","items":{"$ref":"#"},"minItems":1})", "/items/$ref $ref"},
           {R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}}})", "/$defs/a/$ref $ref"},
           {R"({"type":"array","minItems":1000000})", "/minItems minItems"},
           {R"({"type":"string","minLength":200000})", "/minLength minLength"},
           // It need not come, but once begun it never ends.
           {R"({"properties":{"a":{"type":"array","minItems":1000000}}})", "/properties/a/minItems minItems"},
       })
    EXPECT_EQ(refusal_of(json_of(schema)), place) << schema;
  EXPECT_NE(check_schema(json_of(R"({"$ref":"#"})"), false).error().sentence.find("never ends"), std::string::npos);
}

TEST(SchemaLeast, WhatEndsIsTaken) {
  for (const char* schema :
       {R"({"type":"object","properties":{"c":{"$ref":"#"}}})", R"({"type":"array","items":{"$ref":"#"}})",
        R"({"type":"object","properties":{"c":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["c"]})",
        R"({"type":"array","minItems":1000})", R"({"type":"string","minLength":90000})",
        R"({"anyOf":[{"type":"null"},false]})"})
    EXPECT_EQ(refusal_of(json_of(schema)), "taken") << schema;
}

TEST(SchemaLeast, AChainOfReferencesIsFollowedInAnyOrder) {
  for (const bool forward : {false, true}) {
    Json::object_t definitions;
    constexpr int count = 2000;
    for (int i = 0; i < count; ++i) {
      const int to = forward ? i + 1 : i - 1;
      Json link{{"type", "null"}};
      if (to >= 0 && to < count) link = Json{{"$ref", "#/$defs/d" + std::to_string(to)}};
      definitions.push_back({"d" + std::to_string(i), link});
    }
    const Json schema{{"$defs", definitions}, {"$ref", forward ? "#/$defs/d0" : "#/$defs/d1999"}};
    EXPECT_EQ(least_of(schema), 4);
    EXPECT_EQ(refusal_of(schema), "taken");
  }
}

}  // namespace
}  // namespace mxpath::grammar
