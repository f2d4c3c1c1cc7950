#include "engine/step_plan.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/random.h"

namespace mxpath {
namespace {

std::vector<int> shares(std::vector<Reader> readers, int budget, std::string_view after = {}) {
  return share_out(readers, budget, after).tokens;
}

TEST(StepTarget, TwoDecodeStepsOrATenthOfASecond) {
  EXPECT_EQ(usual_step_target(0.001), 0.1);
  EXPECT_EQ(usual_step_target(0.05), 0.1);
  EXPECT_EQ(usual_step_target(0.5), 1.0);
}

TEST(ReadingBudget, IsTheMostThatFits) {
  Random random(1);
  for (int round = 0; round < 300; ++round) {
    const int most = static_cast<int>(random.integer(0, 300));
    std::vector<double> seconds(static_cast<size_t>(most) + 1);
    for (double sum = random.uniform(0, 5); auto& s : seconds) s = sum += random.uniform() < 0.5 ? 0 : random.uniform();
    const double target = random.uniform(0, 200);
    int expected = 0;
    for (int n = 1; n <= most; ++n)
      if (seconds[static_cast<size_t>(n)] <= target) expected = n;
    if (most > 0) expected = std::max(expected, 1);
    EXPECT_EQ(reading_budget([&](int n) { return seconds[static_cast<size_t>(n)]; }, target, most), expected);
  }
}

TEST(ShareOut, OnePromptTakesAllAndEndsAtABorder) {
  EXPECT_EQ(shares({{0, 1000}}, 100), std::vector{64});
  EXPECT_EQ(shares({{0, 1000}}, 512), std::vector{512});
  EXPECT_EQ(shares({{30, 1000}}, 100), std::vector{98});  // 30 + 98 = 128
  EXPECT_EQ(shares({{70, 100}}, 100), std::vector{100});  // to its end
  EXPECT_EQ(shares({{0, 1000}}, 17), std::vector{17});    // no border in reach
  EXPECT_EQ(shares({{51, 1000}}, 17), std::vector{13});   // one in reach
  EXPECT_EQ(shares({{64, 1000}}, 0), std::vector{0});
}

TEST(ShareOut, AQuarterWhileOthersWaitAndTheRestGoesRound) {
  EXPECT_EQ(shares({{0, 5000}, {0, 5000}, {0, 5000}, {0, 5000}, {0, 5000}}, 1024),
            (std::vector{256, 256, 256, 256, 0}));
  EXPECT_EQ(shares({{0, 5000}, {0, 5000}}, 1024), (std::vector{512, 512}));
  EXPECT_EQ(shares({{0, 5000}, {0, 10}}, 1024), (std::vector{960, 10}));  // to the last border that the rest reaches
  EXPECT_EQ(shares({{0, 5000}, {0, 5000}, {0, 5000}}, 100), (std::vector{64, 0, 0}));  // a page is the least
  EXPECT_EQ(shares({{0, 5000}, {0, 5000}, {0, 5000}}, 40), (std::vector{20, 10, 10}));
}

TEST(ShareOut, TheFewestLeftGoFirstAndWaitingCountsAs64TokensASecond) {
  EXPECT_EQ(shares({{0, 3000}, {0, 2000}}, 64), (std::vector{0, 64}));
  EXPECT_EQ(shares({{0, 3000, 15.5}, {0, 2000, 0}}, 64), (std::vector{0, 64}));  // 3000 - 992 = 2008
  EXPECT_EQ(shares({{0, 3000, 16}, {0, 2000, 0}}, 64), (std::vector{64, 0}));    // 3000 - 1024 = 1976
  EXPECT_EQ(shares({{0, 3000, 16}, {0, 2000, 16}}, 64), (std::vector{0, 64}));
}

TEST(ShareOut, CallersTakeTurns) {
  const std::vector<Reader> readers = {
      {0, 100, 0, 0, "a"}, {0, 200, 0, 0, "a"}, {0, 9000, 0, 0, "b"}, {0, 300, 0, 0, "a"}};
  EXPECT_EQ(share_out(readers, 64, "").tokens, (std::vector{64, 0, 0, 0}));
  EXPECT_EQ(share_out(readers, 64, "").first_key, "a");
  EXPECT_EQ(share_out(readers, 64, "a").tokens, (std::vector{0, 0, 64, 0}));
  EXPECT_EQ(share_out(readers, 64, "a").first_key, "b");
  EXPECT_EQ(share_out(readers, 64, "b").tokens, (std::vector{64, 0, 0, 0}));
  EXPECT_EQ(share_out(readers, 192, "b").tokens, (std::vector{64, 64, 64, 0}));
}

TEST(ShareOut, HigherPrioritiesTakeWhatTheyCan) {
  EXPECT_EQ(shares({{0, 10}, {0, 5000, 0, 1}}, 512), (std::vector{0, 512}));
  EXPECT_EQ(shares({{0, 400}, {0, 128, 0, 1}, {0, 500, 0, -1}}, 512), (std::vector{384, 128, 0}));
}

TEST(ShareOut, NeverTooMuchAndNothingIdle) {
  Random random(7);
  for (int round = 0; round < 2000; ++round) {
    const char* keys[] = {"", "a", "b"};
    std::vector<Reader> readers(static_cast<size_t>(random.integer(1, 9)));
    for (auto& r : readers)
      r = {random.integer(0, 300), random.integer(1, 900), random.uniform(0, 20),
           static_cast<int>(random.integer(0, 1)), keys[random.integer(0, 2)]};
    const int budget = static_cast<int>(random.integer(1, 1500));
    const auto out = shares(readers, budget);
    const int sum = std::accumulate(out.begin(), out.end(), 0);
    EXPECT_LE(sum, budget);
    EXPECT_GT(sum, 0);
    int64_t wanted = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      EXPECT_GE(out[i], 0);
      EXPECT_LE(out[i], readers[i].left);
      wanted += readers[i].left - out[i];
      if (budget >= 64 && out[i] > 0 && out[i] < readers[i].left) {
        EXPECT_EQ((readers[i].held + out[i]) % 64, 0);
      }
    }
    if (wanted > 0) {
      EXPECT_GT(sum, budget - 64);
    }
  }
}

TEST(Correction, FollowsWhatStepsTakeAndOutlivesAnOutlier) {
  Correction slow;
  for (int i = 0; i < 40; ++i) slow.note(0.01, 0.1);
  EXPECT_NEAR(slow.ratio(), 10, 0.1);
  slow.note(0.01, 60);
  EXPECT_LT(slow.ratio(), 16);
  for (int i = 0; i < 40; ++i) slow.note(0.01, 0.001);
  EXPECT_NEAR(slow.ratio(), 0.1, 0.001);
  slow.note(0, 1), slow.note(1, 0), slow.note(-1, 1);
  EXPECT_NEAR(slow.ratio(), 0.1, 0.001);
}

}  // namespace
}  // namespace mxpath
