#include "kernels/router/router.h"

#include <algorithm>
#include <tuple>

#include "kernels/test_rows.h"

namespace mxpath {
namespace {

class Router : public RowTest {};

struct Routed {
  std::vector<int32_t> expert, first, order;
  std::vector<float> weight, logits;
};

Routed run(const KernelPath& path, const TestMatrix& matrix, const std::vector<float>& bias,
           const std::vector<float>& x, int per_token, int threads = 1) {
  ThreadPool pool(threads);
  const size_t tokens = x.size() / static_cast<size_t>(matrix.view.columns);
  const std::vector<int32_t> unset(tokens * static_cast<size_t>(per_token), -1);
  Routed out{unset, std::vector<int32_t>(bias.size() + 1, -1), unset,
             std::vector<float>(tokens * static_cast<size_t>(per_token), poison),
             std::vector<float>(tokens * bias.size(), poison)};
  run_row(path, RouterArgs{&matrix.view, bias.data(), x.data(), static_cast<int>(tokens), per_token, out.logits.data(),
                           out.expert.data(), out.weight.data(), out.first.data(), out.order.data(), &pool});
  return out;
}

TEST_P(Router, TakesTheLargestAndThenTheSoftmaxOverThose) {
  // Logits are the bias: x is zero.
  const TestMatrix matrix = pack_test_matrix(Layout::bf16_rows, 1, 6, 32, std::vector<float>(6 * 32, 1.0f));
  const Routed r = run(path(), matrix, {0.5f, 3, -1, 2, 1, 0}, std::vector<float>(32, 0.0f), 4);
  EXPECT_EQ(r.expert, (std::vector<int32_t>{1, 3, 4, 0}));
  const double sum = 1 + std::exp(-1.0) + std::exp(-2.0) + std::exp(-2.5);
  EXPECT_NEAR(r.weight[0], 1 / sum, 1e-7);
  EXPECT_NEAR(r.weight[3], std::exp(-2.5) / sum, 1e-7);
}

TEST_P(Router, PrefersTheLowerIndexAmongEquals) {
  const TestMatrix matrix = pack_test_matrix(Layout::fp32_rows, 1, 7, 32, std::vector<float>(7 * 32, 0.0f));
  EXPECT_EQ(run(path(), matrix, {1, 2, 2, 1, 2, 1, 1}, std::vector<float>(32, 1.0f), 4).expert,
            (std::vector<int32_t>{1, 2, 4, 0}));
  EXPECT_EQ(run(path(), matrix, std::vector<float>(7, 0.0f), std::vector<float>(32, 1.0f), 7).expert,
            (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST_P(Router, ComputesLogitsWithinTheBoundForAnyLayoutAndThreads) {
  Random random(8);
  const int64_t experts = 33, k = 320, tokens = 70;
  const std::vector<float> grid = mxfp4_values(random, experts * k, false), bias = activations(random, experts, false),
                           x = activations(random, tokens * k, false);
  for (Layout layout : layouts_of(path())) {
    const std::vector<float> weights = values_for(layout, grid, k, false, 9);
    const TestMatrix matrix = pack_test_matrix(layout, 1, experts, k, weights);
    const Routed r = run(path(), matrix, bias, x, 4), split = run(path(), matrix, bias, x, 4, 3);
    EXPECT_TRUE(same_bits(r.logits, split.logits) && same_bits(r.weight, split.weight) && r.expert == split.expert);
    for (int64_t t = 0; t < tokens; ++t) {
      float sum = 0;
      for (int c = 0; c < 4; ++c) sum += r.weight[static_cast<size_t>(t * 4 + c)];
      EXPECT_NEAR(sum, 1, 1e-6);
      for (int64_t e = 0; e < experts; ++e) {
        double want = bias[static_cast<size_t>(e)], size = std::fabs(want);
        for (int64_t i = 0; i < k; ++i) {
          const double product = double(x[static_cast<size_t>(t * k + i)]) * weights[static_cast<size_t>(e * k + i)];
          want += product, size += std::fabs(product);
        }
        ASSERT_NEAR(r.logits[static_cast<size_t>(t * experts + e)], want, std::ldexp(double(k) + 8, -24) * size)
            << name_of(layout);
      }
    }
  }
}

/// The largest of a row's own logits, by sorting.
std::vector<int32_t> largest(const float* logits, int experts, int count) {
  std::vector<int32_t> order(static_cast<size_t>(experts));
  for (int e = 0; e < experts; ++e) order[static_cast<size_t>(e)] = e;
  std::ranges::stable_sort(order, [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  order.resize(static_cast<size_t>(count));
  return order;
}

TEST_P(Router, ChoosesAndGroupsAnyNumberOfTokens) {
  Random random(9);
  for (int tokens : {1, 2, 3, 7, 8, 9, 16, 17, 63, 64, 65, 129, 519, 520, 1500})
    for (auto [experts, per_token, k] : {std::tuple{32, 4, 64}, {5, 2, 40}, {128, 4, 36}, {2048, 1024, 32}}) {
      if (per_token > 4 && tokens > 17) continue;
      const std::vector<float> weights = activations(random, int64_t{experts} * k, false),
                               x = activations(random, int64_t{tokens} * k, false);
      std::vector<float> bias = activations(random, experts, false);
      bias[static_cast<size_t>(experts) - 2] = 1e4f, bias[0] = -1e4f;  // one has every token, one none
      const TestMatrix matrix = pack_test_matrix(Layout::fp32_rows, 1, experts, k, weights);
      const Routed r = run(path(), matrix, bias, x, per_token);
      std::vector<int32_t> expert, first(static_cast<size_t>(experts) + 1), order(r.order.size());
      for (int t = 0; t < tokens; ++t)
        for (int32_t e : largest(&r.logits[static_cast<size_t>(t * experts)], experts, per_token)) expert.push_back(e);
      ASSERT_EQ(r.expert, expert) << tokens << " tokens, " << experts << " experts";
      group_by_expert(expert.data(), std::ssize(expert), experts, first.data(), order.data());
      ASSERT_EQ(r.first, first) << tokens << " tokens, " << experts << " experts";
      ASSERT_EQ(r.order, order) << tokens << " tokens, " << experts << " experts";
    }
}

TEST_P(Router, ChoosesWhateverTheLogitsAre) {
  // What a token with NaN chooses does not matter, but each must be an expert.
  const TestMatrix matrix = pack_test_matrix(Layout::fp32_rows, 1, 6, 32, std::vector<float>(6 * 32, 0.0f));
  EXPECT_EQ(
      run(path(), matrix, {-INFINITY, 1, -INFINITY, -INFINITY, 2, -INFINITY}, std::vector<float>(32, 0.0f), 4).expert,
      (std::vector<int32_t>{4, 1, 0, 2}));
  for (int tokens : {1, 20})
    for (int32_t e : run(path(), matrix, std::vector<float>(6, poison),
                         std::vector<float>(static_cast<size_t>(tokens) * 32, 0.0f), 4)
                         .expert)
      EXPECT_TRUE(e >= 0 && e < 6) << e;
}

TEST_P(Router, GivesNoWeightWhereALogitIsNotFinite) {
  // The choice would be among the others as if nothing were wrong.
  const TestMatrix matrix = pack_test_matrix(Layout::fp32_rows, 1, 6, 32, std::vector<float>(6 * 32, 0.0f));
  for (float odd : {poison, INFINITY, -INFINITY})
    for (int tokens : {1, 20})
      for (size_t at = 0; at < 6; ++at) {
        std::vector<float> bias = {1, 2, 3, 4, 5, 6};
        bias[at] = odd;
        for (float weight :
             run(path(), matrix, bias, std::vector<float>(static_cast<size_t>(tokens) * 32, 0.0f), 2).weight)
          EXPECT_TRUE(std::isnan(weight)) << odd << " at " << at;
      }
}

TEST(GroupByExpert, SortsByExpertAndKeepsTheOrderOfTokens) {
  const std::vector<int32_t> expert = {3, 1, 0, 3, 3, 1};
  std::vector<int32_t> first(6), order(6);
  group_by_expert(expert.data(), 6, 5, first.data(), order.data());
  EXPECT_EQ(first, (std::vector<int32_t>{0, 1, 3, 3, 6, 6}));
  EXPECT_EQ(order, (std::vector<int32_t>{2, 1, 5, 0, 3, 4}));
}

INSTANTIATE_TEST_SUITE_P(Rows, Router, testing::ValuesIn(rows_of({Op::router})), test_name);

}  // namespace
}  // namespace mxpath
