// Rows that lie by order alone: every number that they give is right and stands in the wrong place. And rows that round
// too much, whose lie is as small as an arithmetic allows. The self-check must catch them too.
#include <cmath>
#include <iostream>
#include <set>

#include "base/sanitized_for_test.h"
#include "formats/bf16.h"
#include "formats/tf32.h"
#include "kernels/lying_rows.h"

namespace mxpath {
namespace {

/// Swaps parts of a row of `width` values; returns whether that changed anything.
bool swap_parts(float* a, float* b, int64_t width) {
  if (std::equal(a, a + width, b)) return false;
  std::swap_ranges(a, a + width, b);
  return true;
}

class PermutedRows : public testing::TestWithParam<Row> {
 protected:
  void SetUp() override {
    if (!obstacle(path()).empty()) GTEST_SKIP() << obstacle(path());
    if (path().op == Op::sample) GTEST_SKIP() << "has one result";
    liar_row_ = lying(path());
    plan_ = plan_with(path(), &liar_row_, config_);
    ASSERT_FALSE(plan_.all_sites().empty()) << "no plan of this test chooses " << path().name;
    lie = [&](const Output& out) { sizes_.insert(out.tokens); };
    EXPECT_EQ(finding(), "");
  }
  const KernelPath& path() const { return *GetParam().path; }
  std::string finding() { return finding_of(self_check(plan_, config_, {}, threads_), path().name); }

  /// In calls of `size` tokens, and in no others; each returns whether it changed anything.
  void expect_caught(int64_t size, const std::string& what, const std::function<bool(const Output&)>& permute) {
    int told = 0;
    lie = [&](const Output& out) { told += out.tokens == size && permute(out); };
    const std::string found = finding();
    EXPECT_TRUE(told == 0 || !found.empty())
        << path().name << ": " << what << " changed places in " << told << " calls of " << size;
  }

  const ModelConfig config_ = narrow_config();
  ThreadPool threads_{2};
  KernelPath liar_row_;
  Plan plan_;
  std::set<int64_t> sizes_;
  Random random_{7};
};

TEST_P(PermutedRows, AreCaughtWhenTokensChangePlaces) {
  for (const int64_t size : sizes_)
    for (const int64_t distance : {1, 2, 3, 5, 7, 8, 14, 15, 16, 21, 32, 49, 64, 70, 100, 127, 128}) {
      if (distance >= size || (sanitized && distance % 7 != 0)) continue;
      const int64_t a = random_.integer(0, size - 1 - distance), b = a + distance;
      expect_caught(size, "tokens " + std::to_string(a) + " and " + std::to_string(b), [&](const Output& out) {
        return swap_parts(out.y + a * out.stride, out.y + b * out.stride, out.width);
      });
    }
}

TEST_P(PermutedRows, AreCaughtWhenOutputsChangePlaces) {
  for (const int64_t size : sizes_)
    for (const int64_t distance : {1, 2, 8, 15, 16, 32, 64})
      for (const bool all : {false, true}) {
        const int64_t token = random_.integer(0, size - 1), from = random_.integer(0, 1 << 20);
        if (sanitized && distance != 16) continue;
        expect_caught(size, "two outputs of " + (all ? "all tokens" : "token " + std::to_string(token)),
                      [&](const Output& out) {
                        if (distance >= out.width) return false;
                        const int64_t a = from % (out.width - distance);
                        bool changed = false;
                        for (int64_t t = 0; t < out.tokens; ++t)
                          if (all || t == token)
                            changed |= swap_parts(out.y + t * out.stride + a, out.y + t * out.stride + a + distance, 1);
                        return changed;
                      });
      }
}

TEST_P(PermutedRows, AreCaughtWhenHeadsChangePlaces) {
  if (path().op != Op::attention && path().op != Op::rope) GTEST_SKIP() << "has no heads";
  for (const int64_t size : sizes_)
    for (const bool all : {false, true})
      for (int round = 0; round < (sanitized ? 1 : 4); ++round) {
        const int64_t token = random_.integer(0, size - 1), head = random_.integer(0, 1 << 20),
                      step = random_.integer(1, 1 << 20);
        expect_caught(size, "two heads of " + (all ? "all tokens" : "token " + std::to_string(token)),
                      [&](const Output& out) {
                        const int64_t d = out.width / out.heads, a = head % out.heads,
                                      b = (a + 1 + step % (out.heads - 1)) % out.heads;
                        bool changed = false;
                        for (int64_t t = 0; t < out.tokens; ++t)
                          if (all || t == token)
                            changed |= swap_parts(out.y + t * out.stride + a * d, out.y + t * out.stride + b * d, d);
                        return changed;
                      });
      }
}

TEST_P(PermutedRows, AreCaughtWhenOneHeadOfTwoTokensChangesPlaces) {
  if (path().op != Op::attention) GTEST_SKIP() << "has no heads";
  for (const int64_t size : sizes_)
    for (const int64_t distance : {1, 7, 8, 30, 64}) {
      if (distance >= size) continue;
      const int64_t a = random_.integer(0, size - 1 - distance), head = random_.integer(0, 1 << 20);
      expect_caught(size, "one head of tokens " + std::to_string(a) + " and " + std::to_string(a + distance),
                    [&](const Output& out) {
                      const int64_t d = out.width / out.heads, at = head % out.heads * d;
                      return swap_parts(out.y + a * out.stride + at, out.y + (a + distance) * out.stride + at, d);
                    });
    }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, PermutedRows, testing::ValuesIn(cpu_rows()), test_name);

// ---- rows that round too much

std::function<float(float)> rounding;

std::vector<float> rounded(const float* x, int64_t count) {
  std::vector<float> copy(x, x + count);
  std::ranges::transform(copy, copy.begin(), rounding);
  return copy;
}
void run_rounded(const LinearArgs& args) {
  LinearArgs other = args;
  const auto x = rounded(args.x, (args.tokens - 1) * args.x_stride + args.weights->columns);
  other.x = x.data();
  std::get<void (*)(const LinearArgs&)>(truth->run)(other);
}
void run_rounded(const MoeMatmulArgs& args) {
  MoeMatmulArgs other = args;
  const int64_t rows =
      int64_t{args.batches->tokens} * (truth->op == Op::moe_down ? args.batches->experts_per_token : 1);
  const auto x = rounded(args.x, rows * args.weights->columns);
  other.x = x.data();
  std::get<void (*)(const MoeMatmulArgs&)>(truth->run)(other);
}

float cut_to_bf16(float x) { return std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0xffff0000u); }

class RoundingRows : public testing::TestWithParam<Row> {};

TEST_P(RoundingRows, AreCaughtWhenTheyRoundInputsMoreThanTheySay) {
  const KernelPath& path = *GetParam().path;
  if (!obstacle(path).empty()) GTEST_SKIP() << obstacle(path);
  truth = &path;
  KernelPath liar_row = path;
  if (path.op == Op::linear) liar_row.run = +[](const LinearArgs& args) { run_rounded(args); };
  else liar_row.run = +[](const MoeMatmulArgs& args) { run_rounded(args); };
  const ModelConfig config = narrow_config();
  const Plan plan = plan_with(path, &liar_row, config);
  ThreadPool threads(2);
  const auto caught = [&](std::function<float(float)> how) {
    rounding = std::move(how);
    return !finding_of(self_check(plan, config, {}, threads), path.name).empty();
  };
  EXPECT_FALSE(caught([](float x) { return x; }));
  EXPECT_TRUE(caught(cut_to_bf16)) << "cutting inputs off to a BF16 is twice what rounding them may cost";
  // What the row does itself changes nothing; what it says that it does not do shows.
  const bool bf16 = path.arithmetic == Arithmetic::bf16_inputs;
  EXPECT_NE(caught(round_bf16), bf16);
  EXPECT_NE(caught(round_tf32), bf16);
}

std::vector<Row> product_rows() {
  auto rows = cpu_rows();
  std::erase_if(rows, [](const Row& row) {
    return row.path->op != Op::linear && row.path->op != Op::moe_gate_up && row.path->op != Op::moe_down;
  });
  return rows;
}
INSTANTIATE_TEST_SUITE_P(Catalogue, RoundingRows, testing::ValuesIn(product_rows()), test_name);

// ---- rows that are sound

class SoundRows : public testing::TestWithParam<Row> {};

TEST_P(SoundRows, PassAtEverySize) {
  const KernelPath& path = *GetParam().path;
  if (!obstacle(path).empty()) GTEST_SKIP() << obstacle(path);
  ThreadPool threads(2);
  for (const int hidden : {1, 2, 3, 31, 32, 33, 64, 66, 96, 100}) {
    ModelConfig config = tiny_config();
    config.hidden = hidden;
    // The experts' other width; whole blocks, since no other is stored as MXFP4.
    config.intermediate = hidden < 64 ? 32 : 96;
    const Plan plan = plan_with(path, nullptr, config);
    for (const SelfCheckResult& result : self_check(plan, config, {}, threads)) {
      if (result.path != path.name) continue;
      EXPECT_EQ(result.finding, "") << name_of(result.site) << " of a model " << hidden << " wide";
      EXPECT_LE(result.worst, 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, SoundRows, testing::ValuesIn(cpu_rows()), test_name);

}  // namespace
}  // namespace mxpath
