// The memory plan against what a process really holds: a context filled to its end, anonymous pages only (the mapped
// file is counted apart).
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "base/random.h"
#include "base/sanitized_for_test.h"
#include "checkpoint/random_checkpoint.h"
#include "checkpoint/test_folder.h"
#include "engine/load.h"
#include "engine/session.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

/// A line of /proc/self/status in bytes.
uint64_t status_bytes(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field + ":")) return std::stoull(line.substr(field.size() + 1)) << 10;
  return 0;
}

struct Measured {
  MemoryPlan plan;
  double predicted = 0, held = 0;  // MiB
};

/// Loads the model, fills its context, samples a token, and compares the most that this process held with what it held
/// before.
Measured measure(const std::string& folder, const Policy& policy) {
  Machine machine = probe_machine();
  machine.gpus.clear();
  const uint64_t before = status_bytes("RssAnon");
  uint64_t peak = 0;  // packing may hold more than what stays
  const auto note_peak = [&](std::string_view, uint64_t, uint64_t) { peak = std::max(peak, status_bytes("RssAnon")); };
  auto loaded = load_model(folder, catalogue(), machine, policy, {.progress = note_peak, .notice = {}});
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
  if (!loaded.ok()) return {};
  const Model& model = (*loaded)->model;
  auto session = Session::create(model, *(*loaded)->threads).value();
  std::vector<int32_t> tokens;
  Random random(1);
  for (int i = 0; i < model.plan.context; ++i)
    tokens.push_back(static_cast<int32_t>(random.integer(0, model.config.vocab - 1)));
  EXPECT_TRUE(session.score(tokens, 0).ok());
  tokens.pop_back();
  GenerateOptions options;
  options.max_new_tokens = 1, options.sampling.top_p = 0.9f;
  EXPECT_TRUE(session.generate(tokens, options).ok());
  const MemoryPlan& plan = model.plan.memory();
  note_peak("", 0, 0);
  const Measured m{plan, static_cast<double>(plan.total()) / 0x1p20, static_cast<double>(peak - before) / 0x1p20};
  std::cout << "predicted " << m.predicted << " MiB (weights " << static_cast<double>(plan.weights) / 0x1p20
            << ", cache " << static_cast<double>(plan.kv_cache) / 0x1p20 << ", scratch "
            << static_cast<double>(plan.scratch) / 0x1p20 << "), held " << m.held << " MiB, "
            << 100 * (m.predicted / m.held - 1) << " %; mapped and read "
            << static_cast<double>(status_bytes("RssFile")) / 0x1p20 << " MiB\n";
  return m;
}

class MemoryPlanTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (sanitized) GTEST_SKIP() << "a sanitizer's own memory is no part of the plan";
  }
};

TEST_P(MemoryPlanTest, OfTheDemoIsWithinFivePercent) {
  Policy policy;
  EXPECT_TRUE(set_weights(policy, GetParam()).ok());
  const Measured m = measure(MXPATH_SOURCE_DIR "/models/demo", policy);
  EXPECT_NEAR(m.predicted / m.held, 1, 0.05);
}

TEST_P(MemoryPlanTest, OfARandomModelIsWithinFivePercent) {
  const TestFolder folder;
  RandomCheckpoint what;
  what.config = gpt_oss_20b_config();
  what.config.layers = 2, what.config.experts = 4, what.config.vocab = 4096;
  what.config.sliding = {true, false};
  ASSERT_TRUE(write_random_checkpoint(folder / "model", what).ok());
  Policy policy;
  policy.context = 1024;
  EXPECT_TRUE(set_weights(policy, GetParam()).ok());
  const Measured m = measure(folder / "model", policy);
  EXPECT_NEAR(m.predicted / m.held, 1, 0.05);
}

INSTANTIATE_TEST_SUITE_P(Formats, MemoryPlanTest, testing::Values("as-stored", "bf16", "int8"), [](const auto& param) {
  std::string name = param.param;
  std::erase(name, '-');
  return name;
});

/// MXPATH_MEMORY_MODEL=FOLDER measures another checkpoint; docs/performance.md has the figures of the 20b shape.
TEST(MemoryPlanOfAFolder, IsWithinFivePercent) {
  const char* folder = std::getenv("MXPATH_MEMORY_MODEL");
  if (!folder) GTEST_SKIP() << "MXPATH_MEMORY_MODEL names no folder";
  Policy policy;
  policy.context = 1024;
  const Measured m = measure(folder, policy);
  EXPECT_NEAR(m.predicted / m.held, 1, 0.05);
}

}  // namespace
}  // namespace mxpath
