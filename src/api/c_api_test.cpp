// What the C test of tests/package cannot see: exceptions and sanitizers.
#include <gtest/gtest.h>

#include <cstddef>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "app/test_model.h"
#include "mxpath/mxpath_c.h"

namespace mxpath::api {
namespace {

/// A status with its sentence, freed. By reference: arguments are made in any order.
std::string told(mxpath_status status, char*& error) {
  const std::string text = std::to_string(status) + (error ? std::string(": ") + error : "");
  mxpath_free(error);
  return text;
}

class CApi : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::setenv("XDG_CACHE_HOME", (std::filesystem::temp_directory_path() / "mxpath-test-cache").c_str(), 1);
  }
  mxpath_engine* load() {
    mxpath_options options;
    mxpath_options_init(&options);
    options.device = "cpu";
    mxpath_engine* engine = nullptr;
    char* error = nullptr;
    EXPECT_EQ(told(mxpath_load(model.c_str(), &options, &engine, &error), error), "0");
    return engine;
  }
  TestFolder folder;
  std::string model = write_chat_model(folder);
};

TEST_F(CApi, ContinuesTokensAndCancels) {
  mxpath_engine* engine = load();
  mxpath_generate_options options;
  mxpath_generate_options_init(&options);
  options.temperature = 0;
  options.max_new_tokens = 6;
  const int32_t prompt[] = {65, 66, 67};
  mxpath_answer* answer = nullptr;
  char* error = nullptr;
  EXPECT_EQ(told(mxpath_continue(engine, prompt, 3, &options, &answer, &error), error), "0");
  size_t count = 0;
  EXPECT_NE(mxpath_answer_tokens(answer, &count), nullptr);
  EXPECT_GT(count, 0u);
  mxpath_answer_free(answer);
  options.cancelled = [](void*) { return 1; };
  EXPECT_EQ(told(mxpath_continue(engine, prompt, 3, &options, &answer, &error), error), "0");
  EXPECT_STREQ(mxpath_answer_stop_reason(answer), "cancelled");
  mxpath_answer_tokens(answer, &count);
  EXPECT_EQ(count, 0u);
  mxpath_answer_free(answer);
  mxpath_engine_free(engine);
}

/// A callback of C++ may throw although it must not: the exception ends at the edge.
TEST_F(CApi, WhatACallbackThrowsIsAnError) {
  mxpath_engine* engine = load();
  mxpath_generate_options options;
  mxpath_generate_options_init(&options);
  const int32_t prompt[] = {65};
  mxpath_answer* answer = nullptr;
  char* error = nullptr;
  options.cancelled = [](void*) -> int { throw std::runtime_error("no"); };
  EXPECT_EQ(told(mxpath_continue(engine, prompt, 1, &options, &answer, &error), error), "1: no");
  options.cancelled = [](void*) -> int { throw std::bad_alloc(); };
  EXPECT_EQ(told(mxpath_continue(engine, prompt, 1, &options, &answer, &error), error),
            "1: no memory is left for what was asked");
  options.cancelled = [](void*) -> int { throw 7; };
  EXPECT_EQ(told(mxpath_continue(engine, prompt, 1, &options, &answer, &error), error),
            "1: a callback threw something that is no std::exception");
  EXPECT_EQ(answer, nullptr);
  mxpath_engine_free(engine);
}

TEST_F(CApi, TextsEndAnAnswer) {
  mxpath_engine* engine = load();
  mxpath_generate_options options;
  mxpath_generate_options_init(&options);
  options.max_new_tokens = 20, options.seed = 3;
  const int32_t prompt[] = {65, 66, 67};
  mxpath_answer* answer = nullptr;
  char* error = nullptr;
  ASSERT_EQ(told(mxpath_continue(engine, prompt, 3, &options, &answer, &error), error), "0");
  const std::string whole = mxpath_answer_text(answer);
  mxpath_answer_free(answer);
  ASSERT_GT(whole.size(), 12u);
  const std::string stop = whole.substr(7, 4);
  const char* const stops[] = {"not there at all", stop.c_str()};
  options.stop = stops, options.stop_count = 2;
  ASSERT_EQ(told(mxpath_continue(engine, prompt, 3, &options, &answer, &error), error), "0");
  EXPECT_EQ(mxpath_answer_text(answer), whole.substr(0, whole.find(stop)));
  EXPECT_STREQ(mxpath_answer_stop_reason(answer), "stop");
  mxpath_answer_free(answer);
  options.stop = nullptr;
  EXPECT_EQ(told(mxpath_continue(engine, prompt, 3, &options, &answer, &error), error),
            "2: stop: null, but 2 texts are promised");
  mxpath_engine_free(engine);
}

TEST_F(CApi, ZerosInATextAreKept) {
  mxpath_engine* engine = load();
  int32_t* tokens = nullptr;
  size_t count = 0, bytes = 0;
  char *text = nullptr, *error = nullptr;
  ASSERT_EQ(told(mxpath_tokenize(engine, "a\0b", 3, &tokens, &count, &error), error), "0");
  ASSERT_EQ(told(mxpath_detokenize(engine, tokens, count, &text, &bytes, &error), error), "0");
  EXPECT_EQ(std::string(text, bytes), std::string("a\0b", 3));
  mxpath_free(text);
  mxpath_free(tokens);
  mxpath_engine_free(engine);
}

TEST_F(CApi, AnOptionIsNamedAsItIsCalled) {
  mxpath_options options;
  mxpath_options_init(&options);
  options.context = 1 << 30;
  char *json = nullptr, *error = nullptr;
  EXPECT_EQ(told(mxpath_plan(model.c_str(), &options, nullptr, &json, &error), error),
            "2: context=1073741824: the model was made for at most 131072 positions");
  const char* only[] = {"linear.*", nullptr};
  mxpath_options_init(&options);
  options.only = only;
  options.only_count = 2;
  EXPECT_EQ(told(mxpath_plan(model.c_str(), &options, nullptr, &json, &error), error), "2: only: glob 1 is null");
  mxpath_options_init(&options);
  options.split = "20,none";
  EXPECT_EQ(told(mxpath_plan(model.c_str(), &options, nullptr, &json, &error), error),
            "2: split=20,none: give the layers of each GPU as whole numbers above 0, as in 20,16");
}

TEST_F(CApi, StructsOfZeroPointOneAreUnderstood) {
  mxpath_options options;
  mxpath_options_init(&options);
  options.device = "cpu", options.kv = "fp4", options.sequences = -1;
  char* error = nullptr;
  mxpath_engine* engine = nullptr;
  EXPECT_NE(told(mxpath_load(model.c_str(), &options, &engine, &error), error).find("kv=fp4"), std::string::npos);
  options.kv = nullptr;
  EXPECT_NE(told(mxpath_load(model.c_str(), &options, &engine, &error), error).find("sequences=-1"), std::string::npos);
  options.size = offsetof(mxpath_options, sequences);
  ASSERT_EQ(told(mxpath_load(model.c_str(), &options, &engine, &error), error), "0");
  mxpath_generate_options how;
  mxpath_generate_options_init(&how);
  how.max_new_tokens = 2, how.repetition_penalty = -1;
  const int32_t prompt[] = {65, 66};
  mxpath_answer* answer = nullptr;
  EXPECT_EQ(told(mxpath_continue(engine, prompt, 2, &how, &answer, &error), error),
            "2: repetition_penalty -1: must be above 0 and at most 100");
  how.size = offsetof(mxpath_generate_options, repetition_penalty);
  EXPECT_EQ(told(mxpath_continue(engine, prompt, 2, &how, &answer, &error), error), "0");
  mxpath_answer_free(answer);
  mxpath_engine_free(engine);
}

TEST_F(CApi, SeveralThreadsAskOneEngine) {
  mxpath_engine* engine = load();
  std::vector<std::thread> threads;
  std::vector<std::vector<int32_t>> answers(4);
  for (size_t t = 0; t < answers.size(); ++t)
    threads.emplace_back([&, t] {
      mxpath_generate_options options;
      mxpath_generate_options_init(&options);
      options.temperature = 0, options.max_new_tokens = 5;
      const int32_t prompt[] = {65, 66, 67};
      for (int i = 0; i < 3; ++i) {
        mxpath_answer* answer = nullptr;
        char* error = nullptr;
        EXPECT_EQ(told(mxpath_continue(engine, prompt, 3, &options, &answer, &error), error), "0");
        size_t count = 0;
        const int32_t* tokens = mxpath_answer_tokens(answer, &count);
        answers[t].assign(tokens, tokens + count);
        mxpath_answer_free(answer);
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& answer : answers) EXPECT_FALSE(answer.empty());
  mxpath_engine_free(engine);
}

}  // namespace
}  // namespace mxpath::api
