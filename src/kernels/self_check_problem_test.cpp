// The known problems are what they say: held exactly, summed exactly, bounded by the arithmetic.
#include "kernels/self_check_problem.h"

#include <gtest/gtest.h>

#include <cmath>
#include <span>

#include "formats/bf16.h"
#include "formats/tf32.h"

namespace mxpath {
namespace {

std::vector<Layout> all_layouts() {
  std::vector<Layout> all;
  for (int i = static_cast<int>(Layout::fp32_rows); i < layout_count; ++i) all.push_back(static_cast<Layout>(i));
  return all;
}

TEST(KnownProblem, RowsAreHeldAsTheyAre) {
  Random random(1);
  for (Layout layout : all_layouts())
    for (bool exact : {true, false})
      for (size_t columns : {size_t{64}, size_t{2880}}) {
        std::vector<float> row(columns);
        fill_known_row(layout, row, exact, random);
        std::vector<float> held = row;
        quantised_reference(layout, held);
        EXPECT_EQ(held, row) << name_of(layout);
        EXPECT_TRUE(row.front() != 0 && row.back() != 0) << name_of(layout);
        const KnownMatrix known = known_matrix(layout, 2, 17, static_cast<int64_t>(columns), exact, random);
        std::vector<float> decoded(columns);
        decode_row(known.packed, 1, 16, decoded.data());
        EXPECT_TRUE(std::equal(decoded.begin(), decoded.end(), known.values.end() - static_cast<int64_t>(columns)))
            << name_of(layout);
      }
}

TEST(KnownProblem, ExactSumsAreNeverRounded) {
  Random random(2);
  for (Layout layout : all_layouts())
    for (int round = 0; round < 20; ++round) {
      std::vector<float> row(2880);
      fill_known_row(layout, row, true, random);
      const auto x = known_inputs(row.size(), true, random);
      float forward = 0, backward = 0;
      for (size_t i = 0; i < row.size(); ++i)
        forward += row[i] * x[i], backward += row[row.size() - 1 - i] * x[row.size() - 1 - i];
      EXPECT_EQ(forward, exact_dot(x.data(), row.data(), 2880).sum) << name_of(layout);
      EXPECT_EQ(backward, forward) << name_of(layout);
    }
}

/// The dot product as an arithmetic computes it, its inputs rounded by `round`.
template <class Round>
double rounded_dot(const std::vector<float>& x, const std::vector<float>& w, Round round) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(round(x[i])) * static_cast<double>(round(w[i]));
  return sum;
}

TEST(DotBound, OfTf32CoversItsTwoRoundingsAndNoMore) {
  // Just below the middle between two TF32 numbers just above 1: each input loses almost the most it can.
  const std::vector<float> worst(512, 1 + 0x1p-11f - 0x1p-23f);
  Random random(3);
  std::vector<float> x(512), w(512);
  for (float& value : x) value = static_cast<float>(random.uniform(-1, 1));
  for (float& value : w) value = static_cast<float>(random.uniform(-1, 1));
  for (const auto& [a, b] : {std::pair{worst, worst}, {x, w}}) {
    const DotProduct dot = exact_dot(a.data(), b.data(), 512);
    const double error = std::abs(rounded_dot(a, b, round_tf32) - dot.sum),
                 bound = dot_bound(Arithmetic::tf32, dot.magnitude, 512);
    EXPECT_LE(error, bound);
    EXPECT_GT(error, 10 * dot_bound(Arithmetic::f32, dot.magnitude, 512) * (a == worst ? 1 : 0))
        << "FP32 is held to more than that";
    EXPECT_GT(error, a == worst ? bound * 0.9 : 0);
  }
  // BF16 on both sides is not what this arithmetic may do.
  const std::vector<float> coarse(512, 1 + 0x1p-8f - 0x1p-23f);
  const DotProduct dot = exact_dot(coarse.data(), coarse.data(), 512);
  EXPECT_GT(std::abs(rounded_dot(coarse, coarse, round_bf16) - dot.sum),
            dot_bound(Arithmetic::tf32, dot.magnitude, 512));
}

/// Sizes at which averages are no bounds.
constexpr int64_t sizes[] = {1, 2, 3, 7, 8, 31, 32, 33, 64, 100, 2880, 20000};

struct WorstInputs {
  double error, bound, sums;  // sums: the bound without the rounding of inputs
};
template <class Round>
WorstInputs worst_inputs(Arithmetic arithmetic, std::span<const float> x, const std::vector<float>& w, Round round) {
  const std::vector<float> inputs(x.begin(), x.end());
  const DotProduct dot = exact_dot(inputs.data(), w.data(), std::ssize(w));
  const double quantised = quantised_magnitude(inputs.data(), w.data(), std::ssize(w));
  return {std::abs(rounded_dot(inputs, w, round) - dot.sum),
          dot_bound(arithmetic, dot.magnitude, std::ssize(w), 0, quantised),
          dot_bound(Arithmetic::f32, dot.magnitude, std::ssize(w))};
}

TEST(DotBound, OfBf16InputsHoldsAtEverySizeAndIsNoWider) {
  for (const int64_t k : sizes)
    // A tie that goes down, a tie that goes up, the largest number that is cut by almost a whole half step, and both
    // signs.
    for (const float x : {1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -(1 + 0x1p-8f), 1 + 0x1p-8f - 0x1p-23f}) {
      const std::vector<float> inputs(static_cast<size_t>(k), x), weights(static_cast<size_t>(k), 1.0f);
      const WorstInputs worst =
          worst_inputs(Arithmetic::bf16_inputs, inputs, weights, [](float value) { return round_bf16(value); });
      EXPECT_LE(worst.error, worst.bound) << k << " times " << x;
      EXPECT_GT(worst.error, 0.98 * (worst.bound - 1.01 * worst.sums))
          << "what rounding inputs may do is more than it can";
    }
}

TEST(DotBound, OfTf32HoldsAtEverySize) {
  for (const int64_t k : sizes)
    for (const float x : {1 + 0x1p-11f, 1 + 0x1p-11f - 0x1p-23f, 1 + 3 * 0x1p-11f}) {
      const std::vector<float> both(static_cast<size_t>(k), x);
      const WorstInputs worst =
          worst_inputs(Arithmetic::tf32, both, both, [](float value) { return round_tf32(value); });
      EXPECT_LE(worst.error, worst.bound) << k << " times " << x;
      EXPECT_GT(worst.error, 0.98 * (worst.bound - 1.01 * worst.sums));
    }
}

TEST(DotBound, OfInt8InputsHoldsWhereNothingIsNearTheLargest) {
  for (const int64_t k : sizes) {
    // One of 127 steps; all others half a step away from every code.
    std::vector<float> inputs(static_cast<size_t>(k), 0.5f);
    inputs.front() = 127;
    const std::vector<float> weights(static_cast<size_t>(k), 1.0f);
    const auto quantise = [](float value) { return std::nearbyint(value); };
    const WorstInputs worst = worst_inputs(Arithmetic::int8_dynamic, inputs, weights, quantise);
    EXPECT_LE(worst.error, worst.bound) << k;
    EXPECT_GE(worst.error, 0.45 * static_cast<double>(k - 1));
    // A bound relative to Σ|x w| could not hold: the terms that are wrong are small, the step is that of the largest.
    if (k > 2000) {
      EXPECT_GT(worst.error, 2 * dot_bound(Arithmetic::bf16_inputs, 127 + 0.5 * static_cast<double>(k), k));
    }
  }
}

TEST(DotBound, OfFp32SumsHoldsForTheWorstOrderAndIsNoWider) {
  for (const int64_t k : sizes) {
    // After the first term every addition loses almost half a unit of the last place.
    const float small = 0x1p-24f * (1 + 0x1p-10f);
    float sum = 1;
    for (int64_t i = 1; i < k; ++i) sum += small;
    const double exact = 1 + static_cast<double>(k - 1) * static_cast<double>(small),
                 error = std::abs(static_cast<double>(sum) - exact);
    const double bound = dot_bound(Arithmetic::f32, exact, k);
    EXPECT_LE(error, bound) << k;
    if (k > 2000) {
      EXPECT_GT(error, 0.9 * bound);
    }
  }
}

TEST(RandomFactors, TellAnyTwoResultsApartAndKeepSumsExact) {
  Random random(9);
  const auto factors = random_factors(258, random);
  for (size_t a = 0; a < factors.size(); ++a)
    for (size_t b = 0; b < a; ++b) EXPECT_NE(factors[a], factors[b]);
  // The largest sum that a self-check makes, in units of the last place of an FP32 sum that is exact.
  double sum = 0, largest = 0;
  for (double factor : factors) sum += factor * 0x1p24, largest = std::max(largest, factor);
  EXPECT_LT(sum, 0x1p53);
  EXPECT_GT(largest, 0x1p16) << "small factors repeat differences";
}

}  // namespace
}  // namespace mxpath
