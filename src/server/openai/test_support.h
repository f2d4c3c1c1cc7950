// What the tests of this folder share.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "chat/tokenizer.h"
#include "server/openai/question.h"

namespace mxpath::openai {

inline Json json_of(std::string_view text) {
  auto json = parse_json(text, "test");
  EXPECT_TRUE(json.ok()) << json.error().message;
  return std::move(json).value();
}

/// The cases under a key of a file of tests/data/server; at least one.
inline Json data_of(const std::string& name, const char* key) {
  const auto text = read_text_file(MXPATH_SOURCE_DIR "/tests/data/server/" + name);
  EXPECT_TRUE(text.ok()) << text.error().message;
  Json cases = json_of(*text)[key];
  EXPECT_FALSE(cases.empty()) << name << ": " << key;
  return cases;
}

inline const Tokenizer& builtin_tokenizer() {
  static const auto tokenizer = Tokenizer::builtin();
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return **tokenizer;
}

inline Function function_named(std::string name, bool custom = false) {
  Function function;
  function.name = std::move(name);
  function.custom = custom;
  return function;
}

}  // namespace mxpath::openai
