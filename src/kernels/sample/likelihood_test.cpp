#include "kernels/sample/likelihood.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/simd/exp.h"

namespace mxpath {
namespace {

TEST(Likelihood, HasTheBitsOfTheVectors) {
  for (int i = 0; i < 2000000; ++i) {
    const float x = -31.5f * static_cast<float>(i) / 2000000;
    ASSERT_EQ(exp_of_exponent(x), x > least_exponent ? exp_f32(x) : 0) << x;
  }
  EXPECT_EQ(exp_of_exponent(0), 1);
}

TEST(Likelihood, IsOneForTheLargestAndNothingWhereItIsNoNumber) {
  const Softmax sharp = softmax_of(3, std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(exp_of_exponent(exponent_of(3, sharp)), 1);
  EXPECT_EQ(exp_of_exponent(exponent_of(2.9f, sharp)), 0);
  const Softmax soft = softmax_of(3, INFINITY);
  EXPECT_EQ(exp_of_exponent(exponent_of(-INFINITY, soft)), 0);
  EXPECT_EQ(exp_of_exponent(exponent_of(1, soft)), 1);
  EXPECT_NEAR(exp_of_exponent(exponent_of(1, softmax_of(3, 2))), std::exp(-1.0), 1e-7);
}

TEST(Likelihood, IsCountedInSteps) {
  EXPECT_EQ(mass_of(0), 0u);
  EXPECT_EQ(mass_of(1), uint64_t{1} << 44);
  EXPECT_EQ(mass_of(0x1p-44f), 1u);
  EXPECT_EQ(mass_of(0x1.8p-44f), 2u) << "to even";
  EXPECT_EQ(mass_of(0x1.4p-43f), 2u) << "to even";
  EXPECT_EQ(mass_of(0x1p-45f), 0u);
  EXPECT_EQ(mass_of(exp_of_exponent(-31.19f)), 1u);
  EXPECT_EQ(mass_of(exp_of_exponent(-31.1999f)), 0u) << "what is cut off has no mass";
}

TEST(Likelihood, PicksAndNeedsExactShares) {
  for (uint64_t total : {uint64_t{1}, uint64_t{3}, uint64_t{1} << 44, (uint64_t{1} << 62) + 12345}) {
    EXPECT_EQ(picked_mass(0, total), 0u);
    EXPECT_EQ(picked_mass(-1, total), 0u);
    EXPECT_EQ(picked_mass(NAN, total), 0u);
    EXPECT_EQ(picked_mass(0.5, total), total / 2);
    for (double random : {std::nextafter(1.0, 0.0), 1.0, 7.0}) EXPECT_LT(picked_mass(random, total), total);
    EXPECT_EQ(needed_mass(0, total), 1u);
    EXPECT_EQ(needed_mass(-1, total), 1u);
    EXPECT_EQ(needed_mass(0.5f, total), total / 2 + total % 2);
    EXPECT_LE(needed_mass(std::nextafter(1.0f, 0.0f), total), total);
  }
}

TEST(Likelihood, IsPenalisedAsTheFieldDoes) {
  SampleRow row;
  row.repetition_penalty = 2, row.presence_penalty = 0.5f, row.frequency_penalty = 0.25f;
  EXPECT_EQ(penalised(4, row, 3), 2 - 0.5f - 0.75f);
  EXPECT_EQ(penalised(-4, row, 1), -8 - 0.5f - 0.25f);
  EXPECT_EQ(penalised(-3e38f, row, 1), -largest_float);
  row.repetition_penalty = 0;
  EXPECT_EQ(penalised(4, row, 1), largest_float);
}

}  // namespace
}  // namespace mxpath
