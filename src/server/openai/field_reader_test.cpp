#include "server/openai/field_reader.h"

#include <gtest/gtest.h>

#include <array>

#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

template <class T>
std::string param_of(const Asked<T>& asked) {
  return asked.ok() ? "(no error)" : asked.error().param;
}

TEST(FieldReader, PathsNameFieldsAndItems) {
  EXPECT_EQ(path_of_field("", "model"), "model");
  EXPECT_EQ(path_of_field(path_of_item("messages", 2), "content"), "messages[2].content");
}

TEST(FieldReader, OnlyAnObjectHasFields) {
  const Json list = Json::array();
  const auto error = FieldReader::open(list, "stream_options");
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().status, 400);
  EXPECT_EQ(error.error().param, "stream_options");
  EXPECT_EQ(error.error().message, "stream_options must be an object, but it is a list");
  EXPECT_EQ(FieldReader::open(list).error().message, "the body must be an object, but it is a list");
}

TEST(FieldReader, ReadsWhatIsThereAndLeavesTheRest) {
  const Json body = json_of(R"({"a": "text", "b": true, "c": 0.5, "d": -3, "e": null})");
  const FieldReader fields = FieldReader::open(body).value();
  std::string a = "before", e = "before", missing = "before";
  bool b = false;
  float c = 0;
  int d = 0;
  std::optional<int> none;
  EXPECT_TRUE(fields.text("a", a).ok());
  EXPECT_TRUE(fields.text("e", e).ok());
  EXPECT_TRUE(fields.text("f", missing).ok());
  EXPECT_TRUE(fields.flag("b", b).ok());
  EXPECT_TRUE(fields.number("c", 0, 2, c).ok());
  EXPECT_TRUE(fields.whole("d", -3, 3, d).ok());
  EXPECT_TRUE(fields.whole("e", 0, 3, none).ok());
  EXPECT_EQ(a, "text");
  EXPECT_EQ(e, "before");
  EXPECT_EQ(missing, "before");
  EXPECT_TRUE(b);
  EXPECT_EQ(c, 0.5f);
  EXPECT_EQ(d, -3);
  EXPECT_FALSE(none);
  EXPECT_EQ(param_of(fields.need("e")), "e");
}

TEST(FieldReader, TypesAreStrict) {
  const Json body = json_of(R"({"s": "1", "n": 1, "t": true, "f": 1.0, "l": ["x"]})");
  const FieldReader fields = FieldReader::open(body, "x").value();
  std::string text;
  bool flag = false;
  float number = 7;
  int whole = 7;
  for (const char* name : {"n", "t", "l"}) EXPECT_EQ(param_of(fields.text(name, text)), std::string("x.") + name);
  for (const char* name : {"s", "n", "l"}) EXPECT_EQ(param_of(fields.flag(name, flag)), std::string("x.") + name);
  for (const char* name : {"s", "t", "l"})
    EXPECT_EQ(param_of(fields.number(name, 0, 9, number)), std::string("x.") + name);
  for (const char* name : {"s", "t", "f", "l"})
    EXPECT_EQ(param_of(fields.whole(name, 0, 9, whole)), std::string("x.") + name);
  EXPECT_EQ(number, 7);
  EXPECT_EQ(whole, 7);
}

TEST(FieldReader, NumbersHaveRanges) {
  const Json body = json_of(R"({"t": 2.01, "low": -1, "huge": 18446744073709551615, "digits": 99999999999999999999,
                                "million": 1e6})");
  const FieldReader fields = FieldReader::open(body).value();
  float number = 0;
  int whole = 0;
  int64_t wide = 0;
  EXPECT_EQ(fields.number("t", 0, 2, number).error().message, "t must be between 0 and 2, but it is 2.01");
  EXPECT_EQ(fields.whole("low", 0, 16, whole).error().message, "low must be between 0 and 16, but it is -1");
  EXPECT_EQ(param_of(fields.whole("huge", 0, 16, whole)), "huge");
  EXPECT_NE(fields.whole("huge", 0, std::numeric_limits<int64_t>::max(), wide).error().message.find("between"),
            std::string::npos);
  EXPECT_NE(fields.whole("digits", 0, 16, whole).error().message.find("between"), std::string::npos);
  EXPECT_NE(fields.whole("million", 0, 16, whole).error().message.find("whole number"), std::string::npos);
}

TEST(FieldReader, ChoicesNameTheNearest) {
  constexpr auto names = std::to_array<std::string_view>({"low", "medium", "high"});
  const Json body = json_of(R"({"effort": "medum", "good": "high"})");
  const FieldReader fields = FieldReader::open(body, "reasoning").value();
  const auto error = fields.choice("effort", names);
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().param, "reasoning.effort");
  EXPECT_EQ(error.error().message,
            "reasoning.effort must be one of low, medium, high, but it is \"medum\" (the nearest name is medium)");
  EXPECT_EQ(fields.choice("good", names).value(), std::optional<size_t>(2));
  EXPECT_EQ(fields.choice("none", names).value(), std::nullopt);
}

TEST(FieldReader, TextsAreOneOrSeveral) {
  const Json body = json_of(R"({"one": "a", "two": ["a", "b"], "empty": ["a", ""], "number": ["a", 1], "no": ""})");
  const FieldReader fields = FieldReader::open(body).value();
  std::vector<std::string> texts;
  EXPECT_TRUE(fields.texts("one", 4, texts).ok());
  EXPECT_EQ(texts, std::vector<std::string>{"a"});
  EXPECT_TRUE(fields.texts("two", 2, texts).ok());
  EXPECT_EQ(texts.size(), 2u);
  EXPECT_EQ(param_of(fields.texts("two", 1, texts)), "two");
  EXPECT_EQ(param_of(fields.texts("empty", 4, texts)), "empty[1]");
  EXPECT_EQ(param_of(fields.texts("number", 4, texts)), "number[1]");
  EXPECT_EQ(param_of(fields.texts("no", 4, texts)), "no");
}

TEST(FieldReader, UnknownFieldsAreWarnings) {
  constexpr auto known = std::to_array<std::string_view>({"temperature", "top_p"});
  const Json body = json_of(R"({"top_p": 1, "temprature": 1, "zzz": 1})");
  std::vector<std::string> warnings;
  FieldReader::open(body).value().warn_of_others(known, warnings);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0], "temprature is not known and was left out (the nearest name is temperature)");
  EXPECT_EQ(warnings[1], "zzz is not known and was left out");
}

constexpr auto text_only = std::to_array<std::string_view>({"text"});

TEST(TextOfContent, PartsAreJoined) {
  const auto read = [](std::string_view text) { return text_of_content(json_of(text), "c", text_only).value(); };
  EXPECT_EQ(read("null"), "");
  EXPECT_EQ(read("\"plain\""), "plain");
  EXPECT_EQ(read(R"([{"type": "text", "text": "a "}, {"text": "b"}, {}, {"type": "refusal", "refusal": "!"}])"),
            "a b!");
}

TEST(TextOfContent, OtherPartsAreNamed) {
  const auto wrong = [](std::string_view text) { return param_of(text_of_content(json_of(text), "c", text_only)); };
  EXPECT_EQ(wrong(R"([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}])"), "c[1].type");
  EXPECT_EQ(wrong(R"([{"type": "text"}])"), "c[0].text");
  EXPECT_EQ(wrong(R"([{"type": "text", "text": 1}])"), "c[0].text");
  EXPECT_EQ(wrong(R"(["a"])"), "c[0]");
  EXPECT_EQ(wrong("{}"), "c");
  EXPECT_EQ(wrong("3"), "c");
}

TEST(ApiError, JsonHasTheFormOfTheApi) {
  EXPECT_EQ(error_json(bad_field("n", "n is {}", 3)).dump(),
            R"({"error":{"message":"n is 3","type":"invalid_request_error","param":"n","code":null}})");
  ApiError error{.message = "too long", .code = "context_length_exceeded", .more = {{"n_ctx", 8}}};
  EXPECT_EQ(error_json(error).dump(), R"({"error":{"message":"too long","type":"invalid_request_error","param":null,)"
                                      R"("code":"context_length_exceeded","n_ctx":8}})");
}

}  // namespace
}  // namespace mxpath::openai
