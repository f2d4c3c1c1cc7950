// Faults that servers of these models have had (docs/serve_faults.md), as a client would see them here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "scripted_model.h"
#include "served_demo.h"

namespace mxpath {
namespace {

// An agent waited for ever for the call that its model had made on the channel of its reasoning.
TEST(ServeFaults, ACallOnTheChannelOfReasoningIsACall) {
  const TestFolder folder;
  const std::string model = write_scripted_model(folder, "calls", {"<|channel|>",
                                                                   "analysis",
                                                                   "<|message|>",
                                                                   "Look",
                                                                   ".",
                                                                   "<|end|>",
                                                                   "<|start|>",
                                                                   "assistant",
                                                                   "<|channel|>",
                                                                   "analysis",
                                                                   " to",
                                                                   "=",
                                                                   "functions",
                                                                   ".",
                                                                   "look",
                                                                   " ",
                                                                   "<|constrain|>",
                                                                   "json",
                                                                   "<|message|>",
                                                                   "{\"",
                                                                   "id",
                                                                   "\":",
                                                                   " ",
                                                                   "4",
                                                                   "}",
                                                                   "<|call|>"});
  const ServedProgram program({model, "--no-date"});
  const std::string tools =
      R"(,"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}])";
  const Json choice =
      json_of(program.post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"x"}],"temperature":0)" +
                                                       tools + "}"))["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls") << choice;
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"]["name"], "look");
  EXPECT_EQ(choice["message"]["reasoning"], "Look.");
}

// Each turn read the whole conversation again, because a finished turn is shown without its reasoning.
TEST_F(Served, TheNextTurnReadsOnlyWhatIsNew) {
  const std::string question = R"({"role":"user","content":"Solve 5x + 2 = 27, and take your time."})";
  const Json first =
      json_of(program->post("/v1/chat/completions", R"({"temperature":0,"messages":[)" + question + "]}"));
  const Json answer = {{"role", "assistant"}, {"content", first["choices"][0]["message"]["content"]}};
  const Json second = json_of(
      program->post("/v1/chat/completions", R"({"temperature":0,"messages":[)" + question + "," + answer.dump() +
                                                R"(,{"role":"user","content":"And 2x = 8?"}]})"));
  EXPECT_GE(second["usage"]["prompt_tokens_details"]["cached_tokens"], first["usage"]["prompt_tokens"]);
}

// Probes died under load, and the server was started again.
TEST_F(Served, IsWellWhileItIsBusy) {
  std::vector<http::test::Client> busy;
  for (int i = 0; i < 16; ++i) {
    busy.push_back(program->client());
    busy.back().post("/v1/completions", fmt::format(R"({{"prompt":"{} 2 3","max_tokens":3000,"stream":true}})", i),
                     "Content-Type: application/json\r\n");
    EXPECT_EQ(busy.back().head().status, 200);
  }
  EXPECT_GT(json_of(program->get("/slots")).size(), 0u);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(program->get("/health").status, 200);
    EXPECT_EQ(program->get("/livez").status, 200);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << "half a second each";
}

// All of max_tokens went into the reasoning, and the empty answer looked like one.
TEST_F(Served, AnAnswerThatEndsInItsReasoningSaysSo) {
  const Json cut = json_of(program->post("/v1/chat/completions", chat("Solve 7x + 12 = 61.", R"(,"max_tokens":9)")));
  EXPECT_EQ(cut["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(cut["choices"][0]["message"]["content"], "");
  EXPECT_FALSE(cut["choices"][0]["message"]["reasoning"].get<std::string>().empty());
  EXPECT_EQ(cut["usage"]["completion_tokens"], 9);
  EXPECT_EQ(cut["usage"]["completion_tokens_details"]["reasoning_tokens"], 9);
  const Json budget = json_of(
      program->post("/v1/chat/completions", chat("Solve 7x + 12 = 61.", R"(,"max_tokens":300,"reasoning_budget":3)")));
  EXPECT_FALSE(budget["choices"][0]["message"]["content"].get<std::string>().empty()) << budget;
  const Json response = json_of(program->post("/v1/responses", R"({"input":"Solve 2x = 8.","max_output_tokens":3})"));
  EXPECT_EQ(response["status"], "incomplete");
  EXPECT_EQ(response["incomplete_details"]["reason"], "max_output_tokens");
}

// Nobody could tell the server's own limit from the length that was asked for.
TEST(ServeFaults, TheServersOwnLimitIsTold) {
  const ServedProgram program({"--max-reply", "8", "--no-date"});
  const std::string question = R"("messages":[{"role":"user","content":"Solve 7x + 12 = 61."}],"temperature":0)";
  const auto answer = program.post("/v1/chat/completions", "{" + question + "}", "X-Mxpath-Report: 1\r\n");
  const Json whole = json_of(answer);
  EXPECT_EQ(whole["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(whole["usage"]["completion_tokens"], 8);
  const std::string why = "the answer was cut: this server gives answers of 8 tokens at most";
  ASSERT_TRUE(answer.headers.contains("x-mxpath-warnings"));
  EXPECT_EQ(answer.headers.at("x-mxpath-warnings"), why);
  EXPECT_EQ(whole["mxpath"]["warnings"], Json::array({why}));
  const auto stream =
      program.post("/v1/chat/completions", "{" + question + R"(,"stream":true})", "X-Mxpath-Report: 1\r\n");
  EXPECT_NE(stream.body.find(R"("finish_reason":"length")"), stream.body.npos);
  EXPECT_NE(stream.body.find(why), stream.body.npos) << "its report comes at its end";
  EXPECT_FALSE(program.post("/v1/chat/completions", "{" + question + R"(,"max_tokens":5})")
                   .headers.contains("x-mxpath-warnings"))
      << "that is what was asked for";
}

}  // namespace
}  // namespace mxpath
