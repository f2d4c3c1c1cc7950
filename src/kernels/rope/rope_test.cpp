#include "kernels/rope/rope.h"

#include "kernels/test_rows.h"

namespace mxpath {
namespace {

TEST(RopeTableTest, ReproducesThePublishedFrequencies) {
  // Worked out in float64: theta 150000, factor 32, original context 4096, head_dim 64, bounds not rounded.
  const double want[32] = {1.0,
                           0.6890443058881632,
                           0.4747820554769007,
                           0.3271458718642365,
                           0.2254180002028708,
                           0.15532298948448497,
                           0.10702442147781144,
                           0.07374456821026082,
                           0.050813274815461475,
                           0.03170569618466377,
                           0.019335001126540362,
                           0.011592049256286924,
                           0.00679495948973222,
                           0.0038603593171920685,
                           0.0020937923789696887,
                           0.0010526021013863359,
                           0.00045648391922324086,
                           0.00012931870124506317,
                           3.8308812373753384e-05,
                           2.6396469031472782e-05,
                           1.818833668168956e-05,
                           1.2532569824095001e-05,
                           8.63549587543848e-06,
                           5.950239261491605e-06,
                           4.09997848180298e-06,
                           2.8250668271503398e-06,
                           1.9465962110014815e-06,
                           1.3412910350540445e-06,
                           9.242089502428301e-07,
                           6.36820914615699e-07,
                           4.387978250864396e-07,
                           3.0235114281192144e-07};
  const RopeTable table = make_rope_table(RopeConfig{}, 64);
  ASSERT_EQ(table.inverse_frequency.size(), 32u);
  for (size_t i = 0; i < 32; ++i) EXPECT_NEAR(table.inverse_frequency[i], want[i], 1e-13 * want[i]) << i;
  EXPECT_NEAR(table.attention_factor, 1.3465735902799727, 1e-15);
}

TEST(RopeTableTest, RoundsTheBoundsOnlyIfTold) {
  RopeConfig config;
  config.truncate = true;  // 8.09 → 8, 17.4 → 18: differs for 9 … 17 and nowhere else
  const RopeTable rounded = make_rope_table(config, 64), exact = make_rope_table(RopeConfig{}, 64);
  const double percent[9] = {-0.3, 0.6, 1.7, 3.2, 5.4, 8.8, 14.6, 27.3, 76.3};
  for (size_t i = 0; i < 32; ++i) {
    const double change = 100 * (rounded.inverse_frequency[i] / exact.inverse_frequency[i] - 1);
    EXPECT_NEAR(change, i >= 9 && i <= 17 ? percent[i - 9] : 0.0, 0.06) << i;
  }
}

TEST(RopeTableTest, WithoutYarnIsPlain) {
  RopeConfig config;
  config.yarn = false, config.theta = 10000;
  const RopeTable table = make_rope_table(config, 8);
  EXPECT_EQ(table.attention_factor, 1.0);
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(table.inverse_frequency[static_cast<size_t>(i)], std::pow(10000.0, -i / 4.0), 1e-15);
}

TEST(RopeTableTest, TakesAnAttentionFactorFromTheConfig) {
  RopeConfig config;
  config.attention_factor = 1.25;
  EXPECT_EQ(make_rope_table(config, 64).attention_factor, 1.25);
}

TEST(RopeTableTest, StaysFiniteForSmallHeads) {
  RopeConfig config;
  config.original_context = 32, config.theta = 10000;
  for (int head_dim : {2, 4, 6, 16})
    for (double frequency : make_rope_table(config, head_dim).inverse_frequency)
      EXPECT_TRUE(frequency > 0 && frequency <= 1) << head_dim;
}

class Rope : public RowTest {};

TEST_P(Rope, TurnsHalvesByTheAngleOfThePosition) {
  const RopeTable table = make_rope_table(RopeConfig{}, 64);
  const int heads = 3, head_dim = 64, stride = heads * head_dim + 7;
  const std::vector<int32_t> positions = {0, 1, 77, 4096, 131071, 5};
  Random random(3);
  const std::vector<float> x = activations(random, static_cast<int64_t>(positions.size()) * stride, false);
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    std::vector<float> y = x;
    run_row(path(), RopeArgs{y.data(), stride, positions.data(), table.inverse_frequency.data(), table.attention_factor,
                             static_cast<int>(positions.size()), heads, head_dim, &pool});
    for (size_t t = 0; t < positions.size(); ++t)
      for (size_t h = 0; h < 3; ++h)
        for (size_t i = 0; i < 32; ++i) {
          const size_t at = t * stride + h * 64 + i;
          const double angle = positions[t] * table.inverse_frequency[i], c = table.attention_factor * std::cos(angle),
                       s = table.attention_factor * std::sin(angle);
          ASSERT_NEAR(y[at], x[at] * c - x[at + 32] * s, 1e-6) << "position " << positions[t] << ", pair " << i;
          ASSERT_NEAR(y[at + 32], x[at + 32] * c + x[at] * s, 1e-6);
        }
    for (size_t t = 0; t < positions.size(); ++t)
      for (size_t i = 192; i < static_cast<size_t>(stride); ++i)
        ASSERT_EQ(y[t * stride + i], x[t * stride + i]) << "touched what lies between tokens";
  }
}

TEST_P(Rope, TakesAnyNumberOfTokensAndHeads) {
  Random random(4);
  for (int tokens : {1, 2, 17, 63, 64, 129})
    for (auto [heads, head_dim] : {std::pair{72, 64}, {17, 16}, {1, 2}, {3, 300}}) {
      const RopeTable table = make_rope_table(RopeConfig{}, head_dim);
      const int half = head_dim / 2, width = heads * head_dim;
      const std::vector<float> x = activations(random, int64_t{tokens} * width, false);
      std::vector<float> y = x;
      std::vector<int32_t> positions;
      for (int t = 0; t < tokens; ++t) positions.push_back(t * 1009 % 131072);
      ThreadPool pool(1);
      run_row(path(), RopeArgs{y.data(), width, positions.data(), table.inverse_frequency.data(),
                               table.attention_factor, tokens, heads, head_dim, &pool});
      for (int64_t at = 0; at < std::ssize(y); ++at) {
        const int64_t t = at / width, i = at % head_dim, pair = i < half ? at + half : at - half;
        const double angle = positions[static_cast<size_t>(t)] * table.inverse_frequency[static_cast<size_t>(i % half)],
                     sign = i < half ? -1 : 1;
        ASSERT_NEAR(y[static_cast<size_t>(at)],
                    table.attention_factor * (x[static_cast<size_t>(at)] * std::cos(angle) +
                                              sign * x[static_cast<size_t>(pair)] * std::sin(angle)),
                    1e-6)
            << tokens << " tokens, " << heads << " heads of " << head_dim << ", element " << at;
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Rows, Rope, testing::ValuesIn(rows_of({Op::rope})), test_name);

}  // namespace
}  // namespace mxpath
