// Sampling beside a straightforward computation in double that sorts everything, under all combinations of options.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "kernels/sample/sample_batch_for_test.h"

namespace mxpath {
namespace {

/// What a reference may be wrong by: likelihoods of FP32, whose exponents are rounded.
constexpr double doubt = 5e-6;

struct Reference {
  std::vector<int32_t> order;      // what may be chosen, the most likely first
  std::vector<double> likelihood;  // of each of them, the most likely 1
  SampleRow row;

  Reference(const SampleBatch& batch, size_t r) : row(batch.rows[r]) {
    const float* logits = &batch.logits[r * static_cast<size_t>(batch.vocab)];
    std::vector<float> x(logits, logits + batch.largest_token + 1);
    for (int i = row.seen_first; i < row.seen_first + row.seen_count; ++i) {
      const auto [token, count] = batch.seen[static_cast<size_t>(i)];
      if (token > batch.largest_token) continue;
      float& value = x[static_cast<size_t>(token)];
      value = value > 0 ? value / row.repetition_penalty : value * row.repetition_penalty;
      value = value - row.presence_penalty;
      value = value - row.frequency_penalty * static_cast<float>(count);
    }
    for (int32_t id = 0; id <= batch.largest_token; ++id) {
      const size_t word = static_cast<size_t>(row.mask * batch.mask_stride() + id / 32);
      if (row.mask < 0 || (batch.masks[word] >> id % 32 & 1)) order.push_back(id);
    }
    std::ranges::stable_sort(order, std::greater{}, [&](int32_t id) { return x[static_cast<size_t>(id)]; });
    for (int32_t id : order) {
      const double below = double{x[static_cast<size_t>(id)]} - double{x[static_cast<size_t>(order.front())]};
      likelihood.push_back(std::exp(below / double{row.temperature}));
    }
  }

  int32_t choose(double top_p, double min_p, double random) const {
    if (order.empty()) return -2;
    if (row.temperature == 0) return order.front();
    size_t left = order.size();
    if (row.top_k > 0) left = std::min(left, static_cast<size_t>(row.top_k));
    const double total = std::accumulate(likelihood.begin(), likelihood.begin() + static_cast<int64_t>(left), 0.0);
    double sum = likelihood.front();
    size_t fewest = 1;
    while (fewest < left && sum < top_p * total) sum += likelihood[fewest++];
    std::vector<std::pair<int32_t, double>> kept;
    double kept_sum = 0;
    for (size_t i = 0; i < (row.top_p < 1 ? fewest : left); ++i)
      if (likelihood[i] >= std::min(min_p, 1.0) && likelihood[i] > 0x1p-45)
        kept.emplace_back(order[i], likelihood[i]), kept_sum += likelihood[i];
    std::ranges::sort(kept);
    double running = 0;
    for (const auto& [id, e] : kept)
      if ((running += e) > random * kept_sum) return id;
    return kept.back().first;
  }
  /// All that may come out, as far as the reference knows.
  std::set<int32_t> choices() const {
    std::set<int32_t> out;
    for (double p : {-doubt, doubt})
      for (double m : {1 - doubt, 1 + doubt})
        for (double u : {-doubt, doubt}) {
          const double random = std::clamp(row.random + u, 0.0, std::nextafter(1.0, 0.0));
          out.insert(choose(double{row.top_p} + p, double{row.min_p} * m, random));
        }
    return out;
  }
};

enum class Fill { steps, spread, flat, one };

std::vector<float> logits_of(Fill fill, int vocab, Random& random) {
  std::vector<float> logits(static_cast<size_t>(vocab));
  for (float& x : logits) {
    const double u = random.uniform(-1, 1);
    if (fill == Fill::steps) x = static_cast<float>(random.integer(-24, 24)) / 4;  // many are equal
    else if (fill == Fill::flat) x = 1.25f;
    else x = static_cast<float>(12 * u * u * u);
  }
  if (fill == Fill::one) logits[static_cast<size_t>(random.integer(0, vocab - 1))] = 40;
  return logits;
}

/// Masks and seen tokens for any row: some ids, one id, half of them.
SampleBatch batch_of(int vocab, Random& random) {
  SampleBatch batch(vocab);
  batch.largest_token = vocab > 4 ? vocab - 3 : vocab - 1;
  std::vector<int32_t> all(static_cast<size_t>(vocab)), some;
  std::iota(all.begin(), all.end(), 0);
  for (int32_t id : all)
    if (id <= batch.largest_token && random.integer(0, 1)) some.push_back(id);
  if (some.empty()) some.push_back(0);
  batch.add_mask(some);
  batch.add_mask({some[some.size() / 2], vocab - 1});
  for (int32_t id : all)
    if (random.integer(0, 9) == 0 || id < 3)
      batch.seen.push_back({vocab - 1 - id, static_cast<int32_t>(random.integer(1, 5))});
  return batch;
}

double random_of(Random& random) {
  switch (random.integer(0, 9)) {
    case 0: return 0;
    case 1: return std::nextafter(1.0, 0.0);
    default: return random.uniform();
  }
}

std::vector<SampleRow> every_combination(const SampleBatch& batch, Random& random) {
  std::vector<SampleRow> rows;
  for (float temperature : {0.0f, 0.3f, 1.0f, 1.7f})
    for (int top_k : {0, 1, 5, 40, batch.vocab + 1})
      for (float top_p : {1.0f, 0.9f, 0.3f, 0.0f})
        for (float min_p : {0.0f, 0.05f, 1.0f})
          for (bool penalties : {false, true})
            for (int mask : {-1, 0, 1}) {
              SampleRow row{.temperature = temperature, .top_p = top_p, .min_p = min_p, .top_k = top_k};
              row.mask = mask, row.random = random_of(random);
              if (penalties) {
                row.repetition_penalty = 1.3f, row.presence_penalty = 0.5f, row.frequency_penalty = 0.25f;
                row.seen_first = static_cast<int>(batch.seen.size() / 3);
                row.seen_count = static_cast<int>(batch.seen.size()) - row.seen_first;
              }
              rows.push_back(row);
            }
  return rows;
}

double log_sum_of(const SampleBatch& batch, size_t r) {
  const std::span logits =
      std::span(batch.logits).subspan(r * static_cast<size_t>(batch.vocab), static_cast<size_t>(batch.vocab));
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (float x : logits) sum += std::exp(double{x} - largest);
  return largest + std::log(sum);
}

void compare_reports(const SampleBatch& batch, size_t r, const SampledRow& got) {
  const double log_sum = log_sum_of(batch, r);
  const float* logits = &batch.logits[r * static_cast<size_t>(batch.vocab)];
  if (got.token[r] >= 0) {
    EXPECT_NEAR(got.logprob[r], double{logits[got.token[r]]} - log_sum, 1e-5) << "row " << r;
  } else {
    EXPECT_EQ(got.logprob[r], -INFINITY);
  }
  std::vector<int32_t> order(static_cast<size_t>(batch.largest_token) + 1);
  std::iota(order.begin(), order.end(), 0);
  const size_t top = static_cast<size_t>(batch.top), count = std::min(top, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<int64_t>(count), order.end(),
                    [&](int32_t a, int32_t b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); });
  for (size_t i = 0; i < top; ++i) {
    EXPECT_EQ(got.top_token[r * top + i], i < count ? order[i] : -1) << "row " << r << " place " << i;
    if (i < count) EXPECT_NEAR(got.top_logprob[r * top + i], double{logits[order[i]]} - log_sum, 1e-5);
    else EXPECT_EQ(got.top_logprob[r * top + i], -INFINITY);
  }
}

std::string name_of(const SampleRow& row) {
  return fmt::format("temperature {}, top_k {}, top_p {}, min_p {}, {} seen, mask {}, random {}", row.temperature,
                     row.top_k, row.top_p, row.min_p, row.seen_count, row.mask, row.random);
}

class SampleReference : public RowTest {
 protected:
  /// How many rows the reference is sure of.
  size_t compare(const SampleBatch& batch) {
    const SampledRow got = batch.run(path()), portable = batch.run(portable_row(Op::sample));
    size_t sure = 0;
    for (size_t r = 0; r < batch.rows.size(); ++r) {
      const auto choices = Reference(batch, r).choices();
      EXPECT_TRUE(choices.contains(got.token[r])) << "row " << r << " of " << batch.vocab << " gives " << got.token[r]
                                                  << ", not " << *choices.begin() << ": " << name_of(batch.rows[r]);
      EXPECT_EQ(got.token[r], portable.token[r]) << "devices differ: " << name_of(batch.rows[r]);
      sure += choices.size() == 1;
      compare_reports(batch, r, got);
    }
    return sure;
  }
};

TEST_P(SampleReference, IsMetUnderEveryCombination) {
  size_t sure = 0, all = 0;
  for (int vocab : {1, 2, 31, 32, 33, 1000}) {
    Random random(static_cast<uint64_t>(vocab));
    SampleBatch empty = batch_of(vocab, random);
    empty.top = vocab % 21;
    const auto rows = every_combination(empty, random);
    for (size_t begin = 0; begin < rows.size(); begin += 64) {
      SampleBatch batch = empty;
      for (size_t i = begin; i < std::min(begin + 64, rows.size()); ++i)
        batch.add(logits_of(static_cast<Fill>(i % 4), vocab, random), rows[i]);
      sure += compare(batch), all += batch.rows.size();
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(static_cast<double>(sure), 0.97 * static_cast<double>(all));
}

/// Parts of 2048 ids and what lies at their edges, and the vocabulary of the models.
TEST_P(SampleReference, IsMetByWideRows) {
  for (int vocab : {2047, 2049, 5000, 201088}) {
    Random random(static_cast<uint64_t>(vocab));
    SampleBatch empty = batch_of(vocab, random);
    empty.top = vocab == 201088 ? 20 : 7;
    auto rows = every_combination(empty, random);
    for (size_t i = rows.size() - 1; i > 0; --i)
      std::swap(rows[i], rows[static_cast<size_t>(random.integer(0, static_cast<int64_t>(i)))]);
    SampleBatch batch = empty;
    for (size_t i = 0; i < 48; ++i) batch.add(logits_of(static_cast<Fill>(i % 4), vocab, random), rows[i]);
    compare(batch);
    if (HasFailure()) return;
  }
}

TEST_P(SampleReference, RowsOfABatchAreRowsAlone) {
  for (int vocab : {33, 5000}) {
    Random random(7);
    SampleBatch batch = batch_of(vocab, random);
    batch.top = 5;
    auto rows = every_combination(batch, random);
    for (size_t i = 0; i < rows.size(); i += 11)
      batch.add(logits_of(static_cast<Fill>(random.integer(0, 3)), vocab, random), rows[i]);
    ThreadPool threads(3);
    batch.threads = &threads;
    const SampledRow together = batch.run(path());
    for (size_t r = 0; r < batch.rows.size(); ++r) {
      const SampledRow alone = batch.part(r, 1).run(path());
      const auto begin = static_cast<int64_t>(r) * batch.top, end = begin + batch.top;
      EXPECT_EQ(alone.token.front(), together.token[r]) << r;
      EXPECT_EQ(std::memcmp(&alone.logprob.front(), &together.logprob[r], sizeof(float)), 0) << r;
      EXPECT_TRUE(std::equal(alone.top_token.begin(), alone.top_token.end(), together.top_token.begin() + begin,
                             together.top_token.begin() + end));
      EXPECT_TRUE(std::equal(alone.top_logprob.begin(), alone.top_logprob.end(), together.top_logprob.begin() + begin,
                             together.top_logprob.begin() + end));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, SampleReference, testing::ValuesIn(rows_of({Op::sample})), test_name);

}  // namespace
}  // namespace mxpath
