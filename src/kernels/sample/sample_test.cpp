#include "kernels/sample/sample.h"

#include <map>

#include "kernels/test_rows.h"

namespace mxpath {
namespace {

class Sample : public RowTest {
 protected:
  void SetUp() override {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    RowTest::SetUp();
    if (!IsSkipped() && path().device == DeviceKind::cuda && !name.starts_with("Greedy"))
      GTEST_SKIP() << "CUDA rows are greedy";
  }
  int32_t pick(const std::vector<float>& logits, SampleArgs args) {
    int32_t token = -1;
    args.logits = logits.data(), args.vocab = static_cast<int>(logits.size()), args.token = &token;
    std::vector<uint8_t> scratch(scratch_bytes(path(), args, 1), 0xff);
    args.scratch = scratch.data();
    if (args.largest_token == 0) args.largest_token = args.vocab - 1;
    run_row(path(), args);
    return token;
  }
  /// Which tokens can come out, by trying evenly spaced random numbers.
  std::map<int32_t, int> outcomes(const std::vector<float>& logits, SampleArgs args, int tries = 1000) {
    std::map<int32_t, int> counts;
    for (int i = 0; i < tries; ++i) args.random = (i + 0.5) / tries, ++counts[pick(logits, args)];
    return counts;
  }
};

SampleArgs with(float temperature, int top_k = 0, float top_p = 1, float min_p = 0) {
  SampleArgs args;
  args.temperature = temperature, args.top_k = top_k, args.top_p = top_p, args.min_p = min_p;
  return args;
}

TEST_P(Sample, GreedyTakesTheLargest) {
  EXPECT_EQ(pick({1, 5, 3, 5}, with(0)), 1) << "the lower id on ties";
  EXPECT_EQ(pick({-3, -1, -2}, with(0)), 1);
  EXPECT_EQ(pick({-3e38f, -3.4e38f, -3.3e38f}, with(0)), 0);
  EXPECT_EQ(pick({7}, with(0)), 0);
}

TEST_P(Sample, GreedyChoosesNothingAmongWhatIsNotFinite) {
  for (float odd : {poison, INFINITY, -INFINITY, -poison})
    for (int vocab : {1, 4, 5, 1023, 1025, 70000})
      for (int at : {0, vocab / 3, vocab - 1}) {
        std::vector<float> logits(static_cast<size_t>(vocab), 1.5f);
        logits[static_cast<size_t>(at)] = odd;
        EXPECT_EQ(pick(logits, with(0)), -1) << odd << " at " << at << " of " << vocab;
        SampleArgs args = with(0);
        args.largest_token = std::max(at - 1, 1);
        EXPECT_EQ(pick(logits, args), -1) << "beyond the largest token too";
      }
}

TEST_P(Sample, ChoosesNothingAmongWhatIsNotFinite) {
  for (float odd : {poison, INFINITY, -INFINITY})
    for (const SampleArgs& args : {with(1), with(1, 2), with(1, 0, 0.5f), with(1, 0, 1, 0.1f)}) {
      EXPECT_EQ(pick({1, odd, 2, 0, -1}, args), -1) << odd;
      EXPECT_EQ(pick({1, 0, 2, 0, odd}, args), -1) << odd;
    }
}

TEST_P(Sample, GreedyLooksAtAllOfTheVocabulary) {
  for (int vocab : {1, 2, 31, 255, 256, 257, 1023, 1024, 1025, 5000, 201088}) {
    std::vector<float> logits(static_cast<size_t>(vocab), -3.0f);
    for (int at : {0, vocab / 3, vocab / 2, vocab - 1}) {
      logits[static_cast<size_t>(at)] = 2;
      EXPECT_EQ(pick(logits, with(0)), at) << vocab;
      logits.back() = 2;
      EXPECT_EQ(pick(logits, with(0)), at) << "the lower id, however far away the other is";
      logits.assign(logits.size(), -3.0f);
    }
  }
}

TEST_P(Sample, GreedyStopsAtTheLargestToken) {
  std::vector<float> logits(5000, -1.0f);
  logits[3000] = 5, logits[2999] = 4, logits[10] = 3;
  for (const auto& [largest, token] :
       {std::pair{4999, 3000}, {3000, 3000}, {2999, 2999}, {2998, 10}, {5, 0}, {9000, 3000}}) {
    SampleArgs args = with(0);
    args.largest_token = largest;
    EXPECT_EQ(pick(logits, args), token) << largest;
  }
}

TEST_P(Sample, NeverChoosesBeyondTheLargestToken) {
  SampleArgs args = with(0);
  args.largest_token = 1;
  EXPECT_EQ(pick({1, 2, 100, 100}, args), 1);
  args.temperature = 5;
  for (const auto& [token, count] : outcomes({1, 2, 100, 100}, args)) EXPECT_LE(token, 1);
}

TEST_P(Sample, FollowsTheDistribution) {
  // Pearson's χ² over 8 tokens and 20,000 draws: 24.3 is exceeded once in a thousand times; the seed is fixed.
  const std::vector<float> logits = {0, 1, 2, -1, 0.5f, 3, -3, 1.5f};
  for (float temperature : {0.7f, 1.0f, 2.0f}) {
    Random random(42);
    std::vector<int> counts(8);
    double sum = 0, chi = 0;
    for (float logit : logits) sum += std::exp(logit / temperature);
    for (int i = 0; i < 20000; ++i) {
      SampleArgs args = with(temperature);
      args.random = random.uniform();
      ++counts[static_cast<size_t>(pick(logits, args))];
    }
    for (size_t i = 0; i < 8; ++i) {
      const double expected = 20000 * std::exp(logits[i] / temperature) / sum;
      chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    EXPECT_LT(chi, 24.3) << temperature;
  }
}

TEST_P(Sample, CutsToTheTopK) {
  const std::vector<float> logits = {1, 4, 2, 3, 3};
  const auto three = outcomes(logits, with(1, 3));
  ASSERT_EQ(three.size(), 3u);
  EXPECT_TRUE(three.count(1) && three.count(3) && three.count(4));
  EXPECT_NEAR(three.at(1), 1000 / (1 + 2 * std::exp(-1.0)), 2);
  EXPECT_EQ(outcomes(logits, with(1, 2)).count(4), 0u) << "the lower id stays when equals are cut";
  EXPECT_EQ(outcomes(logits, with(3, 1)).size(), 1u);
  EXPECT_EQ(outcomes(logits, with(1, 5)), outcomes(logits, with(1, 99)));
}

TEST_P(Sample, CutsToTheFewestThatReachTopP) {
  // Probabilities 0.5, 0.25, 0.125, 0.125.
  const std::vector<float> logits = {std::log(4.0f), std::log(2.0f), 0, 0};
  EXPECT_EQ(outcomes(logits, with(1, 0, 0.4f)).size(), 1u);
  EXPECT_EQ(outcomes(logits, with(1, 0, 0.6f)).size(), 2u);
  EXPECT_EQ(outcomes(logits, with(1, 0, 0.8f)).size(), 3u);
  EXPECT_EQ(outcomes(logits, with(1, 0, 0.8f)).count(3), 0u);
  EXPECT_EQ(outcomes(logits, with(1, 0, 0.95f)).size(), 4u);
  EXPECT_EQ(outcomes(logits, with(1, 0, 0.0f)).size(), 1u) << "at least one is left";
  // After top_k = 2 the two probabilities are 2/3 and 1/3.
  EXPECT_EQ(outcomes(logits, with(1, 2, 0.6f)).size(), 1u);
  EXPECT_EQ(outcomes(logits, with(1, 2, 0.7f)).size(), 2u);
}

TEST_P(Sample, CutsWhatIsLessLikelyThanMinP) {
  const std::vector<float> logits = {std::log(4.0f), std::log(2.0f), 0, 0};
  EXPECT_EQ(outcomes(logits, with(1, 0, 1, 0.3f)).size(), 2u);
  EXPECT_EQ(outcomes(logits, with(1, 0, 1, 0.2f)).size(), 4u);
  EXPECT_EQ(outcomes(logits, with(1, 0, 1, 1.0f)).size(), 1u);
  EXPECT_EQ(outcomes(logits, with(1, 0, 0.8f, 0.3f)).size(), 2u) << "both cuts apply";
}

TEST_P(Sample, TakesExtremes) {
  SampleArgs args = with(1e-6f);
  args.random = 0.999999999;
  EXPECT_EQ(pick({1, 2, 3, 2.9f}, args), 2);
  args.temperature = 1, args.random = std::nextafter(1.0, 0.0);
  EXPECT_EQ(pick({0, 0, 0, -200}, args), 2) << "what has no probability is not picked at the end of the range";
  args.random = 0;
  EXPECT_EQ(pick({-200, 0, 0}, args), 1) << "nor at its start";
  EXPECT_EQ(pick({3e38f, -3e38f, 3e38f}, args), 0) << "their difference is no float";
}

INSTANTIATE_TEST_SUITE_P(Rows, Sample, testing::ValuesIn(rows_of({Op::sample})), test_name);

}  // namespace
}  // namespace mxpath
