// Rows that lie: each wraps a real row and spoils one element of its result. The self-check must catch every one of
// them.
#include "kernels/lying_rows.h"

#include <iostream>

namespace mxpath {
namespace {

/// Which element is wrong: edges of the tiles of any row. Where a call has no such element the row tells the truth.
struct Place {
  std::string name;
  std::function<int64_t(int64_t count)> token, column;
};

const auto first = [](int64_t) { return int64_t{0}; };
const auto last = [](int64_t count) { return count - 1; };
std::function<int64_t(int64_t)> at(int64_t index) {
  return [=](int64_t count) { return index < count ? index : -1; };
}
/// The last of an incomplete tile, the last of the last complete one.
std::function<int64_t(int64_t)> ragged(int64_t tile) {
  return [=](int64_t count) { return count % tile ? count - 1 : -1; };
}
std::function<int64_t(int64_t)> complete(int64_t tile) {
  return [=](int64_t count) { return count >= tile ? count / tile * tile - 1 : -1; };
}

std::vector<Place> places(bool product) {
  std::vector<Place> all = {{"the last token's last output", last, last},
                            {"the first output", first, first},
                            {"output 16", first, at(16)},
                            {"output 15 of the last token", last, at(15)},
                            {"the end of a ragged tile of outputs", first, ragged(16)},
                            {"the second token alone", at(1), first},
                            {"token 16", at(16), last},
                            {"token 15", at(15), first}};
  const std::vector<Place> tiles = {{"the last of a tile of eight tokens", complete(8), at(7)},
                                    {"the last of a ragged tile of eight tokens", ragged(8), at(3)},
                                    {"the last of a ragged tile of five tokens", ragged(5), at(20)},
                                    {"token 64", at(64), at(33)},
                                    {"token 127", at(127), last},
                                    {"token 128", at(128), first},
                                    {"output 64", last, at(64)},
                                    {"output 47", at(3), at(47)}};
  if (product) all.insert(all.end(), tiles.begin(), tiles.end());
  return all;
}

class LyingRows : public testing::TestWithParam<Row> {};

TEST_P(LyingRows, AreCaughtWhereverTheyLie) {
  const KernelPath& path = *GetParam().path;
  if (!obstacle(path).empty()) GTEST_SKIP() << obstacle(path);
  const KernelPath liar_row = lying(path);
  const ModelConfig config = narrow_config();
  const Plan plan = plan_with(path, &liar_row, config);
  ASSERT_FALSE(plan.sites.empty() && plan.blocks.empty()) << "no plan of this test chooses " << path.name;
  ThreadPool threads(2);
  const bool product = path.op == Op::linear || path.op == Op::moe_gate_up || path.op == Op::moe_down;
  const bool portable = is_floor(path);
  lie = [](const Output&) {};
  EXPECT_EQ(finding_of(self_check(plan, config, {}, threads), path.name), "");
  for (const Place& place : places(product)) {
    int told = 0;
    lie = [&](const Output& out) {
      const int64_t token = place.token(out.tokens), column = place.column(out.width);
      if (token < 0 || column < 0) return;
      float& value = out.y[token * out.stride + column];
      // The least that may be noticed: one bit where results are exact, and a hundredth elsewhere.
      value = product ? std::nextafter(value, 1e30f) : path.op == Op::sample ? value + 1 : value * 1.01f + 1e-3f;
      ++told;
    };
    const std::string finding = finding_of(self_check(plan, config, {}, threads), path.name);
    if (told == 0) {
      // Only a portable row is spared large batches, and only narrow operations have no such output.
      EXPECT_TRUE(portable || !product) << path.name << " was never called so that it could lie about " << place.name;
      continue;
    }
    EXPECT_NE(finding, "") << path.name << " lied " << told << " times about " << place.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, LyingRows, testing::ValuesIn(cpu_rows()), test_name);

/// What it costs is counted, not timed: 1.01 thousand million multiply-adds where AVX-512 BF16 rows are chosen, the 200
/// ms of self_check.h.
TEST(SelfCheckCost, OfTheRowsOfThe20bShape) {
  const ModelConfig config = gpt_oss_20b_config();
  Policy policy;
  policy.device = DeviceChoice::cpu;
  const auto plan = make_plan(manifest_from_config(config, "20b"), catalogue(), test_machine(), policy);
  ASSERT_TRUE(plan.ok());
  ThreadPool threads(1);
  uint64_t work = 0;
  for (const SelfCheckResult& result : self_check(*plan, config, {}, threads)) {
    EXPECT_EQ(result.finding, "") << result.path;
    std::cout << name_of(result.site) << " " << result.path << " " << result.work / 1000 << " thousand multiply-adds, "
              << result.seconds * 1e3 << " ms\n";
    work += result.work;
  }
  RecordProperty("multiply_adds", static_cast<int>(work / 1000));
  EXPECT_GT(work, 0u);
  EXPECT_LT(work, 1100000000u) << "multiply-adds: the self-check has become dearer than its 200 ms";
}

}  // namespace
}  // namespace mxpath
