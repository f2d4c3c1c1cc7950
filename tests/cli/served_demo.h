// `mxpath serve` with the demo, and its answers as JSON.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "base/json.h"
#include "served_program.h"

namespace mxpath {

inline Json json_of(const http::test::Answer& answer) {
  auto json = parse_json(answer.body, "the answer");
  EXPECT_TRUE(json.ok()) << answer.status << " " << answer.body;
  return json.ok() ? *json : Json();
}

inline std::string code_of(const http::test::Answer& answer) {
  const Json json = json_of(answer);
  return json.contains("error") && json["error"]["code"].is_string() ? json["error"]["code"].get<std::string>() : "";
}

/// The demo, which all of these share: it starts in a moment, but not in none.
class Served : public testing::Test {
 protected:
  static void SetUpTestSuite() { program = new ServedProgram({"--no-date"}); }
  static void TearDownTestSuite() { delete program; }

  static std::string chat(const std::string& question, const std::string& more = "") {
    return R"({"messages":[{"role":"user","content":")" + question + R"("}],"temperature":0)" + more + "}";
  }
  static inline ServedProgram* program = nullptr;
};

}  // namespace mxpath
