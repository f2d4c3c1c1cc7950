#include "kernels/sample/sample.h"

#include <map>

#include "kernels/sample/sample_batch_for_test.h"

namespace mxpath {
namespace {

class Sample : public RowTest {
 protected:
  /// largest_token: -1: the last.
  int32_t pick(const std::vector<float>& logits, const SampleRow& row, int largest_token = -1) {
    SampleBatch batch(static_cast<int>(logits.size()));
    if (largest_token >= 0) batch.largest_token = largest_token;
    batch.add(logits, row);
    return batch.run(path()).token.front();
  }
  /// Which tokens can come out, by trying evenly spaced random numbers.
  std::map<int32_t, int> outcomes(const std::vector<float>& logits, SampleRow row, int largest_token = -1) {
    constexpr int tries = 1000;
    SampleBatch batch(static_cast<int>(logits.size()));
    if (largest_token >= 0) batch.largest_token = largest_token;
    for (int i = 0; i < tries; ++i) row.random = (i + 0.5) / tries, batch.add(logits, row);
    std::map<int32_t, int> counts;
    for (int32_t token : batch.run(path()).token) ++counts[token];
    return counts;
  }
};

SampleRow with(float temperature, int top_k = 0, float top_p = 1, float min_p = 0) {
  return {.temperature = temperature, .top_p = top_p, .min_p = min_p, .top_k = top_k};
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
        EXPECT_EQ(pick(logits, with(0), std::max(at - 1, 1)), -1) << "beyond the largest token too";
      }
}

TEST_P(Sample, ChoosesNothingAmongWhatIsNotFinite) {
  for (float odd : {poison, INFINITY, -INFINITY})
    for (const SampleRow& row : {with(1), with(1, 2), with(1, 0, 0.5f), with(1, 0, 1, 0.1f)}) {
      EXPECT_EQ(pick({1, odd, 2, 0, -1}, row), -1) << odd;
      EXPECT_EQ(pick({1, 0, 2, 0, odd}, row), -1) << odd;
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
    EXPECT_EQ(pick(logits, with(0), largest), token) << largest;
  }
}

TEST_P(Sample, NeverChoosesBeyondTheLargestToken) {
  EXPECT_EQ(pick({1, 2, 100, 100}, with(0), 1), 1);
  for (const auto& [token, count] : outcomes({1, 2, 100, 100}, with(5), 1)) EXPECT_LE(token, 1);
  for (const auto& [token, count] : outcomes({1, 2, 100, 100}, with(5, 3, 0.999f), 1)) EXPECT_LE(token, 1);
}

TEST_P(Sample, FollowsTheDistribution) {
  // Pearson's χ² over 8 tokens and 20,000 draws: 24.3 is exceeded once in a thousand times; the seed is fixed.
  const std::vector<float> logits = {0, 1, 2, -1, 0.5f, 3, -3, 1.5f};
  for (float temperature : {0.7f, 1.0f, 2.0f}) {
    constexpr int draws = 20000;
    std::vector<int> counts(8);
    for (uint64_t i = 0; i < draws;) {
      SampleBatch batch(8);
      for (int r = 0; r < 1000; ++r, ++i) {
        SampleRow row = with(temperature);
        row.random = draw(42, 0, i);
        batch.add(logits, row);
      }
      for (int32_t token : batch.run(path()).token) ++counts.at(static_cast<size_t>(token));
    }
    double sum = 0, chi = 0;
    for (float logit : logits) sum += std::exp(double{logit} / double{temperature});
    for (size_t i = 0; i < 8; ++i) {
      const double expected = draws * std::exp(double{logits[i]} / double{temperature}) / sum;
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
  SampleRow row = with(1e-6f);
  row.random = 0.999999999;
  EXPECT_EQ(pick({1, 2, 3, 2.9f}, row), 2);
  row.temperature = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(pick({1, 2, 3, 2.9f}, row), 2) << "its inverse is infinite";
  row.temperature = 1, row.random = std::nextafter(1.0, 0.0);
  EXPECT_EQ(pick({0, 0, 0, -200}, row), 2) << "what has no probability is not picked at the end of the range";
  row.random = 1;
  EXPECT_EQ(pick({0, 0, 0, -200}, row), 2) << "nor beyond it";
  row.random = 0;
  EXPECT_EQ(pick({-200, 0, 0}, row), 1) << "nor at its start";
  EXPECT_EQ(pick({3e38f, -3e38f, 3e38f}, row), 0) << "their difference is no float";
  for (float top_p : {1.0f, 0.9f}) {
    row = with(1, 0, top_p), row.random = 0.99;
    EXPECT_EQ(pick({3e38f, -3e38f, 3e38f}, row), 2);
    EXPECT_EQ(pick({-0.0f, 0.0f, -0.0f}, row), 2) << "equals whatever their signs";
  }
  EXPECT_EQ(pick({0.0f, -0.0f, -50}, with(0)), 0);
  EXPECT_EQ(pick({-0.0f, 0.0f, -50}, with(0)), 0);
}

TEST_P(Sample, ChoosesInTheOrderOfTheIds) {
  SampleRow row = with(1, 3, 0.99f);
  std::vector<int32_t> chosen;
  for (double random : {0.05, 0.2, 0.9}) row.random = random, chosen.push_back(pick({1, 1.1f, -9, 3}, row));
  EXPECT_EQ(chosen, (std::vector<int32_t>{0, 1, 3})) << "the likeliest is the last";
}

TEST_P(Sample, PenalisesWhatTheTextHolds) {
  SampleBatch batch(6);
  batch.seen = {{4, 9}, {0, 1}, {1, 3}, {5, 2}, {6, 1}, {-1, 1}};  // the last two are no ids of the model
  SampleRow row = with(0);
  row.seen_first = 1, row.seen_count = 5;
  const auto greedy = [&](std::vector<float> logits) {
    batch.logits.clear(), batch.rows.clear();
    batch.add(logits, row);
    return batch.run(path()).token.front();
  };
  row.repetition_penalty = 2;
  EXPECT_EQ(greedy({4, 3.9f, 2.5f, 1, 1, 1}), 2) << "positive ones are divided";
  EXPECT_EQ(greedy({-1, -1.5f, -2.5f, -1.9f, -9, -3}), 3) << "negative ones are multiplied";
  EXPECT_EQ(greedy({-3e38f, -3e38f, -3e38f, -3.1e38f, -3.3e38f, -3e38f}), 2) << "and stay finite";
  row.repetition_penalty = 1, row.presence_penalty = 1;
  EXPECT_EQ(greedy({4, 4.5f, 3.4f, 1, 1, 4}), 1) << "however often";
  row.presence_penalty = 0, row.frequency_penalty = 0.5f;
  EXPECT_EQ(greedy({4, 4.5f, 3.4f, 1, 1, 4.2f}), 0) << "for each time";
  row.frequency_penalty = -1;
  EXPECT_EQ(greedy({4, 2, 4.5f, 1, 1, 2}), 0) << "or favours it";
  row.seen_count = 0;
  EXPECT_EQ(greedy({4, 2, 4.5f, 1, 1, 2}), 2);
}

TEST_P(Sample, ChoosesOnlyWhatTheMaskAllows) {
  SampleBatch batch(40);
  const int some = batch.add_mask({1, 31, 32, 39}), none = batch.add_mask({}), last = batch.add_mask({39});
  std::vector<float> logits(40, 5);
  logits[32] = -1, logits[39] = 1, logits[31] = 0, logits[1] = -2;
  for (SampleRow row : {with(0), with(1), with(1, 2), with(1, 0, 0.5f), with(1, 0, 1, 0.2f)})
    for (int mask : {some, none, last, -1}) row.mask = mask, row.random = 0.4, batch.add(logits, row);
  const SampledRow all = batch.run(path());
  for (size_t r = 0; r < all.token.size(); r += 4) {
    EXPECT_EQ(all.token[r], 39) << r;
    EXPECT_EQ(all.token[r + 1], -2);
    EXPECT_EQ(all.logprob[r + 1], -INFINITY);
    EXPECT_EQ(all.token[r + 2], 39);
    EXPECT_EQ(all.logprob[r + 2], all.logprob[r]) << "the mask changes no log-probability";
    EXPECT_TRUE(all.token[r + 3] != 1 && all.token[r + 3] < 31) << all.token[r + 3];
  }
  batch.largest_token = 38;
  EXPECT_EQ(batch.run(path()).token[2], -2) << "an id without text is not allowed by any mask";
}

TEST_P(Sample, ReportsLogProbabilitiesOfTheLogitsAsTheyCame) {
  SampleBatch batch(4);
  batch.top = 4, batch.largest_token = 2;
  batch.seen = {{2, 1}};
  SampleRow row = with(0.1f, 1);
  row.presence_penalty = 100, row.seen_count = 1;
  batch.add({std::log(1.0f), std::log(2.0f), std::log(4.0f), std::log(1.0f)}, row);
  batch.add({0, 0, 0, poison}, row);
  const SampledRow got = batch.run(path());
  EXPECT_EQ(got.token, (std::vector<int32_t>{1, -1}));
  EXPECT_NEAR(got.logprob[0], std::log(0.25), 1e-6) << "ids without text have their share";
  EXPECT_EQ(got.logprob[1], -INFINITY);
  EXPECT_EQ(got.top_token, (std::vector<int32_t>{2, 1, 0, -1, -1, -1, -1, -1}));
  EXPECT_NEAR(got.top_logprob[0], std::log(0.5), 1e-6);
  EXPECT_NEAR(got.top_logprob[2], std::log(0.125), 1e-6);
  EXPECT_EQ(got.top_logprob[3], -INFINITY);
  EXPECT_EQ(got.top_logprob[4], -INFINITY);
}

/// Equal logits, so that every cut lies among equals: the lower ids stay, from one part of the row to the next.
TEST_P(Sample, CutsAmongEquals) {
  constexpr int vocab = 7000;
  const std::vector<float> logits(vocab, -2.5f);
  for (int left : {1, 2, 100, 2048, 2049, 5000}) {
    SampleRow row = with(0.8f, left);
    row.random = std::nextafter(1.0, 0.0);
    EXPECT_EQ(pick(logits, row), left - 1);
    row.random = 0;
    EXPECT_EQ(pick(logits, row), 0);
    row = with(0.8f, 0, (static_cast<float>(left) - 0.5f) / vocab), row.random = 0.9999999;
    EXPECT_EQ(pick(logits, row), left - 1);
    row = with(0.8f, 2 * left, 0.5f), row.random = 0.9999999;
    EXPECT_EQ(pick(logits, row), std::min(2 * left, vocab) / 2 - 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, Sample, testing::ValuesIn(rows_of({Op::sample})), test_name);

}  // namespace
}  // namespace mxpath
