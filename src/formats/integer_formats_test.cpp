#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/random.h"
#include "formats/int4.h"
#include "formats/int8.h"
#include "formats/slow_rounding_for_test.h"

namespace mxpath {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();

std::vector<float> random_values(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(count);
  for (auto& v : values) v = static_cast<float>(random.uniform(-3, 3));
  return values;
}

TEST(Int8, TiesSaturationAndZeroScale) {
  EXPECT_EQ(encode_int8(0.5f, 1), 0);
  EXPECT_EQ(encode_int8(1.5f, 1), 2);
  EXPECT_EQ(encode_int8(-2.5f, 1), -2);
  EXPECT_EQ(encode_int8(1e30f, 1), 127);
  EXPECT_EQ(encode_int8(-1000, 1), -127);
  EXPECT_EQ(encode_int8(5, 0), 0);
  EXPECT_EQ(encode_int8(5, nan), 0);
}

TEST(Int8, EveryCodeComesBack) {
  for (int code = -127; code <= 127; ++code) EXPECT_EQ(encode_int8(static_cast<float>(code) * 0.037f, 0.037f), code);
}

TEST(Int8, GroupsUseTheirOwnScaleAndStayWithinHalfAStep) {
  const size_t count = 100, group = 32;  // the last group has 4
  auto values = random_values(count, 1);
  values[40] = 50;
  std::vector<int8_t> codes(count);
  std::vector<float> scales(4, -1), back(count);
  encode_int8_groups(values.data(), count, group, codes.data(), scales.data());
  decode_int8_groups(codes.data(), scales.data(), count, group, back.data());
  EXPECT_EQ(scales[1], 50 / 127.0f);
  EXPECT_EQ(codes[40], 127);
  EXPECT_LT(scales[0], 3.01f / 127);
  for (size_t i = 0; i < count; ++i) ASSERT_LE(std::fabs(values[i] - back[i]), scales[i / group] * 0.50001f) << i;
}

TEST(Int8, OneScaleARow) {
  const auto values = random_values(2 * 48, 2);
  std::vector<int8_t> codes(96);
  std::vector<float> scales(2);
  encode_int8_groups(values.data(), 96, 48, codes.data(), scales.data());
  for (size_t row = 0; row < 2; ++row) {
    const auto largest = std::max_element(codes.begin() + long(row) * 48, codes.begin() + long(row + 1) * 48,
                                          [](int a, int b) { return std::abs(a) < std::abs(b); });
    EXPECT_EQ(std::abs(*largest), 127);
  }
}

TEST(Int8, NanAndInfinityPoisonTheirGroupOnly) {
  for (float bad : {nan, inf, -inf}) {
    std::vector<float> values(64, 1.0f), scales(2), back(64);
    values[10] = bad;
    std::vector<int8_t> codes(64);
    encode_int8_groups(values.data(), 64, 32, codes.data(), scales.data());
    decode_int8_groups(codes.data(), scales.data(), 64, 32, back.data());
    for (size_t i = 0; i < 64; ++i) EXPECT_EQ(std::isnan(back[i]), i < 32);
  }
}

TEST(Int8, ZerosAndTheSmallestFloatsDoNotDivideByZero) {
  for (float x : {0.0f, 0x1p-149f}) {
    std::vector<float> values(32, x), scales(1), back(32, 7);
    std::vector<int8_t> codes(32, 3);
    encode_int8_groups(values.data(), 32, 32, codes.data(), scales.data());
    decode_int8_groups(codes.data(), scales.data(), 32, 32, back.data());
    for (float v : back) EXPECT_EQ(v, 0);
  }
}

TEST(Int4, StoredCodesMeanCodeMinusEight) {
  for (int stored = 0; stored < 16; ++stored) {
    EXPECT_EQ(decode_int4(static_cast<uint8_t>(stored), 0.25f), 0.25f * static_cast<float>(stored - 8));
    EXPECT_EQ(decode_int4(static_cast<uint8_t>(stored | 0xf0), 1), static_cast<float>(stored - 8));
    EXPECT_EQ(encode_int4(0.25f * static_cast<float>(stored - 8), 0.25f), std::max(stored, 1));  // -8 is not written
  }
  EXPECT_EQ(encode_int4(0.5f, 1), 8);
  EXPECT_EQ(encode_int4(1.5f, 1), 10);
  EXPECT_EQ(encode_int4(-1.5f, 1), 6);
  EXPECT_EQ(encode_int4(-inf, 1), 1);
  EXPECT_EQ(encode_int4(3, 0), 8);
}

TEST(Int4, PacksTheFirstElementIntoTheLowNibble) {
  const float values[3] = {7, -7, 3};
  uint8_t packed[2];
  float scale;
  encode_int4_groups(values, 3, 32, packed, &scale);
  EXPECT_EQ(scale, 1);
  EXPECT_EQ(packed[0], 0x1f);
  EXPECT_EQ(packed[1], 0x8b);  // padded with zero
}

TEST(Int4, GroupsStayWithinHalfAStep) {
  for (size_t group : {32u, 64u, 128u, 33u}) {
    const size_t count = 301, groups = (count + group - 1) / group;
    auto values = random_values(count, group);
    values[35] = -20;
    std::vector<uint8_t> packed((count + 1) / 2);
    std::vector<float> scales(groups), back(count);
    encode_int4_groups(values.data(), count, group, packed.data(), scales.data());
    decode_int4_groups(packed.data(), scales.data(), count, group, back.data());
    EXPECT_FLOAT_EQ(back[35], -20);
    for (size_t i = 0; i < count; ++i) ASSERT_LE(std::fabs(values[i] - back[i]), scales[i / group] * 0.50001f) << i;
  }
}

TEST(Int4, NanPoisonsItsGroupOnlyAndZerosStayZero) {
  std::vector<float> values(64, 0.0f), scales(2), back(64);
  values[40] = nan;
  std::vector<uint8_t> packed(32);
  encode_int4_groups(values.data(), 64, 32, packed.data(), scales.data());
  decode_int4_groups(packed.data(), scales.data(), 64, 32, back.data());
  for (size_t i = 0; i < 32; ++i) EXPECT_EQ(back[i], 0);
  for (size_t i = 32; i < 64; ++i) EXPECT_TRUE(std::isnan(back[i]));
}

}  // namespace
}  // namespace mxpath
