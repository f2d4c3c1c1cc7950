#include "server/openai/answer_fields.h"

#include <gtest/gtest.h>

#include <array>

#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

/// The parameter of the error that reading gives; "": none.
std::string wrong(std::string_view text, auto read) {
  const Json json = json_of(text);
  const auto result = read(FieldReader::open(json).value());
  return result.ok() ? "" : result.error().param;
}

TEST(Effort, WordsOfOtherModelsAreTheNearest) {
  const auto read = [](std::string_view word) {
    std::vector<std::string> warnings;
    const Json json = {{"reasoning_effort", word}};
    const auto asked = effort_of(FieldReader::open(json).value(), "reasoning_effort", warnings).value();
    return fmt::format("{}{}{}", name_of(asked->effort), asked->none ? " none" : "", warnings.empty() ? "" : " warned");
  };
  EXPECT_EQ(read("low"), "low");
  EXPECT_EQ(read("medium"), "medium");
  EXPECT_EQ(read("high"), "high");
  EXPECT_EQ(read("minimal"), "low warned");
  EXPECT_EQ(read("xhigh"), "high warned");
  EXPECT_EQ(read("max"), "high warned");
  EXPECT_EQ(read("none"), "low none warned");
  std::vector<std::string> warnings;
  const auto effort = [&](const FieldReader& fields) { return effort_of(fields, "effort", warnings); };
  EXPECT_EQ(wrong(R"({"effort": "hgih"})", effort), "effort");
  EXPECT_EQ(wrong(R"({"effort": 3})", effort), "effort");
  EXPECT_EQ(wrong(R"({"effort": null})", effort), "");
}

TEST(ResponseFormat, BothSpellings) {
  for (const char* text :
       {R"({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"a": 1}}})",
        R"({"type": "json_schema", "name": "n", "strict": true, "schema": {"a": 1}})"}) {
    const ResponseFormat format = response_format_of(json_of(text), "text.format").value();
    EXPECT_EQ(format.kind, ResponseFormat::Kind::json_schema);
    EXPECT_EQ(format.name, "n");
    EXPECT_TRUE(format.strict);
    EXPECT_EQ(format.schema.dump(), R"({"a":1})");
  }
  EXPECT_EQ(response_format_of(json_of(R"({"type": "json_object"})"), "f")->kind, ResponseFormat::Kind::json_object);
  EXPECT_EQ(response_format_of(json_of(R"({"type": "text"})"), "f")->kind, ResponseFormat::Kind::text);
}

TEST(ResponseFormat, WrongOnes) {
  const auto param = [](std::string_view text) {
    const auto format = response_format_of(json_of(text), "response_format");
    return format.ok() ? "" : format.error().param;
  };
  EXPECT_EQ(param("{}"), "response_format.type");
  EXPECT_EQ(param("3"), "response_format");
  EXPECT_EQ(param(R"({"type": "yaml"})"), "response_format.type");
  EXPECT_EQ(param(R"({"type": "json_schema"})"), "response_format.schema");
  EXPECT_EQ(param(R"({"type": "json_schema", "json_schema": {"name": "n"}})"), "response_format.json_schema.schema");
  EXPECT_EQ(param(R"({"type": "json_schema", "json_schema": {"name": "a\nb", "schema": {}}})"),
            "response_format.json_schema.name");
}

TEST(Sampling, ReadsEverything) {
  const Json json = json_of(R"({"temperature": 0, "top_p": 0, "top_k": -1, "min_p": 0.1, "presence_penalty": -2,
    "frequency_penalty": 2, "repetition_penalty": 1.1, "seed": -1, "stop": ["a", "b"]})");
  const FieldReader fields = FieldReader::open(json).value();
  Question question;
  ASSERT_TRUE(read_sampling(fields, question).ok());
  ASSERT_TRUE(read_stop(fields, question).ok());
  EXPECT_TRUE(check_sampling(question.sampling).ok());
  EXPECT_EQ(question.sampling.temperature, 0);
  EXPECT_GT(question.sampling.top_p, 0);
  EXPECT_EQ(question.sampling.top_k, 0);
  EXPECT_EQ(question.sampling.presence_penalty, -2);
  EXPECT_EQ(question.sampling.frequency_penalty, 2);
  EXPECT_TRUE(question.has_seed);
  EXPECT_EQ(question.sampling.seed, UINT64_MAX);
  EXPECT_EQ(question.stop.size(), 2u);
}

TEST(Sampling, DefaultsStay) {
  Question question;
  question.sampling.temperature = 0.5F;
  const Json json = json_of(R"({"temperature": null, "seed": null})");
  ASSERT_TRUE(read_sampling(FieldReader::open(json).value(), question).ok());
  EXPECT_EQ(question.sampling.temperature, 0.5F);
  EXPECT_FALSE(question.has_seed);
}

TEST(Sampling, RangesAndTypes) {
  const auto sampling = [](const FieldReader& fields) {
    Question question;
    return read_sampling(fields, question);
  };
  for (const auto& [text, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"temperature": 2.1})", "temperature"},
           {R"({"temperature": -0.1})", "temperature"},
           {R"({"temperature": "1"})", "temperature"},
           {R"({"temperature": true})", "temperature"},
           {R"({"top_p": 1.1})", "top_p"},
           {R"({"top_k": -2})", "top_k"},
           {R"({"top_k": 1.5})", "top_k"},
           {R"({"min_p": 2})", "min_p"},
           {R"({"presence_penalty": 3})", "presence_penalty"},
           {R"({"frequency_penalty": -3})", "frequency_penalty"},
           {R"({"repetition_penalty": 0})", "repetition_penalty"},
           {R"({"seed": 18446744073709551615})", "seed"},
           {R"({"seed": 0.5})", "seed"}})
    EXPECT_EQ(wrong(text, sampling), param);
  EXPECT_FALSE(parse_json(R"({"seed": 1e400})", "").ok());  // refused before it comes here
}

TEST(Bias, NeverAndNothing) {
  Question question;
  const Json json = json_of(R"({"logit_bias": {"5": -100, "6": 0}})");
  ASSERT_TRUE(read_bias(FieldReader::open(json).value(), 10, question).ok());
  EXPECT_EQ(question.bias, (std::map<Token, float>{{5, -100.F}}));
  const auto bias = [](const FieldReader& fields) {
    Question other;
    return read_bias(fields, 10, other);
  };
  EXPECT_EQ(wrong(R"({"logit_bias": {"5": 3}})", bias), "logit_bias.5");
  EXPECT_EQ(wrong(R"({"logit_bias": {"5": -101}})", bias), "logit_bias.5");
  EXPECT_EQ(wrong(R"({"logit_bias": {"10": -100}})", bias), "logit_bias");
  EXPECT_EQ(wrong(R"({"logit_bias": {"-1": -100}})", bias), "logit_bias");
  EXPECT_EQ(wrong(R"({"logit_bias": {"5x": -100}})", bias), "logit_bias");
  EXPECT_EQ(wrong(R"({"logit_bias": [5]})", bias), "logit_bias");
}

TEST(Extensions, ReadAndChecked) {
  Question question;
  const Json json = json_of(R"({"reasoning_budget": 0, "cache_salt": "s", "priority": -3})");
  ASSERT_TRUE(read_extensions(FieldReader::open(json).value(), question).ok());
  EXPECT_EQ(question.reasoning_budget, 0);
  EXPECT_EQ(question.cache_salt, "s");
  EXPECT_EQ(question.priority, -3);
  const auto extensions = [](const FieldReader& fields) {
    Question other;
    return read_extensions(fields, other);
  };
  EXPECT_EQ(wrong(R"({"reasoning_budget": "5"})", extensions), "reasoning_budget");
  EXPECT_EQ(wrong(R"({"priority": 1.5})", extensions), "priority");
  EXPECT_EQ(wrong(R"({"cache_salt": 1})", extensions), "cache_salt");
}

TEST(RefusedFields, WhatSaysNothingPasses) {
  constexpr auto names = std::to_array<std::string_view>({"audio", "functions"});
  const auto refuse = [&](const FieldReader& fields) { return refuse_fields(fields, names); };
  for (const char* text :
       {"{}", R"({"audio": null})", R"({"audio": false, "functions": []})", R"({"audio": {}})", R"({"audio": ""})"})
    EXPECT_EQ(wrong(text, refuse), "") << text;
  EXPECT_EQ(wrong(R"({"audio": {"voice": "x"}})", refuse), "audio");
  EXPECT_EQ(wrong(R"({"functions": [1]})", refuse), "functions");
  EXPECT_EQ(wrong(R"({"functions": 0})", refuse), "functions");
}

}  // namespace
}  // namespace mxpath::openai
