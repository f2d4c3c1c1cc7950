// The known problems are what they say: held exactly, summed exactly, bounded by the arithmetic.
#include "kernels/self_check_problem.h"

#include <gtest/gtest.h>

#include <cmath>

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
        as_held(layout, held);
        EXPECT_EQ(held, row) << name_of(layout);
        EXPECT_TRUE(row.front() != 0 && row.back() != 0) << name_of(layout);
        const KnownMatrix known = known_matrix(layout, 2, 17, static_cast<int64_t>(columns), exact, random);
        std::vector<float> decoded(columns);
        decode_row(known.packed, 1, 16, decoded.data());
        EXPECT_TRUE(std::equal(decoded.begin(), decoded.end(), known.values.end() - static_cast<int64_t>(columns))) << name_of(layout);
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
      for (size_t i = 0; i < row.size(); ++i) forward += row[i] * x[i], backward += row[row.size() - 1 - i] * x[row.size() - 1 - i];
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
    const double error = std::abs(rounded_dot(a, b, round_tf32) - dot.sum), bound = dot_bound(Arithmetic::tf32, dot.magnitude, 512);
    EXPECT_LE(error, bound);
    EXPECT_GT(error, 10 * dot_bound(Arithmetic::f32, dot.magnitude, 512) * (a == worst ? 1 : 0)) << "FP32 is held to more than that";
    EXPECT_GT(error, a == worst ? bound * 0.9 : 0);
  }
  // BF16 on both sides is not what this arithmetic may do.
  const std::vector<float> coarse(512, 1 + 0x1p-8f - 0x1p-23f);
  const DotProduct dot = exact_dot(coarse.data(), coarse.data(), 512);
  EXPECT_GT(std::abs(rounded_dot(coarse, coarse, round_bf16) - dot.sum), dot_bound(Arithmetic::tf32, dot.magnitude, 512));
}

}  // namespace
}  // namespace mxpath
