#include "engine/prefix_key.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "checkpoint/test_folder.h"
#include "engine/session.h"
#include "kernels/catalogue.h"
#include "machine/probe.h"

namespace mxpath {
namespace {

std::vector<int32_t> prompt_of(int length, int kind = 0) {
  std::vector<int32_t> prompt(static_cast<size_t>(length));
  for (int i = 0; i < length; ++i) prompt[static_cast<size_t>(i)] = (i * 7 + i / 5 + kind * 31) % 200;
  return prompt;
}

/// A loaded model with a session.
struct Engine {
  explicit Engine(const std::string& folder, Policy policy = {}) {
    policy.device = DeviceChoice::cpu, policy.threads = 1;
    if (policy.context == 0) policy.context = 2048;
    static const Machine machine = probe_machine();
    auto model = load_model(folder, catalogue(), machine, policy);
    EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
    loaded = std::move(model).value();
    session = std::make_unique<Session>(Session::create(loaded->model, *loaded->threads).value());
  }
  Generation answer(std::span<const int32_t> prompt, int tokens = 12) {
    GenerateOptions options;
    options.max_new_tokens = tokens, options.sampling.temperature = 0;
    auto answer = session->generate(prompt, options);
    EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().message);
    return std::move(answer).value();
  }
  std::vector<float> logits() {
    const auto z = session->logits().value();
    return {z.begin(), z.end()};
  }
  PrefixFileKey key() const { return prefix_key(*loaded, "1"); }
  Result<int64_t> load(const std::string& path) { return session->executor().load_prefixes(path, key()); }
  Status save(const std::string& path) { return session->executor().save_prefixes(path, key()); }

  std::unique_ptr<LoadedModel> loaded;
  std::unique_ptr<Session> session;
};

TEST(SavedPrompts, AnswersAreTheSameBitForBitAndThePromptIsNotReadAgain) {
  TestFolder folder;
  write_tiny(folder / "model");
  for (const char* kv : {"bf16", "fp32", "fp16", "fp8-e4m3", "int8"}) {
    Policy policy;
    ASSERT_TRUE(set_kv(policy, kv).ok());
    const auto first = prompt_of(700), other = prompt_of(300, 1);
    std::vector<int32_t> longer = prompt_of(900);
    Engine before(folder / "model", policy);
    before.answer(first), before.answer(other);
    before.session->keep();
    ASSERT_TRUE(before.save(folder / "prompts").ok());
    const Generation expected = before.answer(longer);
    const std::vector<float> logits = before.logits();

    Engine after(folder / "model", policy);
    const auto tokens = after.load(folder / "prompts");
    ASSERT_TRUE(tokens.ok()) << tokens.error().message;
    EXPECT_GT(*tokens, 1000);
    const Generation answer = after.answer(longer);
    EXPECT_EQ(answer.reused_tokens, 700) << kv;
    EXPECT_EQ(expected.reused_tokens, 700);
    EXPECT_EQ(answer.tokens, expected.tokens) << kv;
    EXPECT_EQ(after.logits(), logits) << kv;
    EXPECT_EQ(after.answer(other).reused_tokens, 299) << "all but the last, whose logits are needed";
  }
}

TEST(SavedPrompts, OtherKvFormatsPathsAndWeightsAreRefused) {
  TestFolder folder;
  write_tiny(folder / "model");
  Engine before(folder / "model");
  before.answer(prompt_of(100));
  ASSERT_TRUE(before.save(folder / "prompts").ok());
  const auto refusal = [&](const Policy& policy, const std::string& model = "model") {
    Engine after(folder / model, policy);
    const auto loaded = after.load(folder / "prompts");
    EXPECT_EQ(after.answer(prompt_of(100)).reused_tokens, loaded.ok() ? 99 : 0);
    return loaded.ok() ? "" : loaded.error().message;
  };
  EXPECT_EQ(refusal({}), "");
  Policy kv, weights, portable;
  ASSERT_TRUE(set_kv(kv, "int8").ok());
  ASSERT_TRUE(set_weights(weights, "int8").ok());
  portable.only = {"*.portable.*"};
  EXPECT_NE(refusal(kv).find("its keys and values are bf16, not int8"), std::string::npos);
  EXPECT_NE(refusal(weights).find("other kernel paths"), std::string::npos);
  EXPECT_NE(refusal(portable).find("other kernel paths"), std::string::npos);
  RandomCheckpoint other;
  other.config = tiny_config(), other.seed = 2;
  ASSERT_TRUE(write_random_checkpoint(folder / "other", other).ok());
  EXPECT_NE(refusal({}, "other").find("another model"), std::string::npos);
}

TEST(SavedPrompts, KeyFollowsFromWeightsConfigAndTimes) {
  TestFolder folder;
  write_tiny(folder / "model");
  const std::string weights = folder / "model/model.safetensors";
  ASSERT_TRUE(std::filesystem::exists(weights));
  const auto model_of = [&] { return Engine(folder / "model").key().model; };
  const uint64_t first = model_of();
  EXPECT_EQ(model_of(), first);
  const auto time = std::filesystem::last_write_time(weights);
  std::filesystem::last_write_time(weights, time + std::chrono::seconds(1));
  EXPECT_NE(model_of(), first);
  std::filesystem::last_write_time(weights, time);
  EXPECT_EQ(model_of(), first);
  // One byte of a tensor, under the old time.
  std::string bytes = folder.read("model/model.safetensors");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  folder.write("model/model.safetensors", bytes);
  std::filesystem::last_write_time(weights, time);
  EXPECT_NE(model_of(), first);
  const Engine engine(folder / "model");
  EXPECT_NE(prefix_key(*engine.loaded, "2").program, engine.key().program);
}

}  // namespace
}  // namespace mxpath
