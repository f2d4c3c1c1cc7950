#include <gtest/gtest.h>

#include <limits>

#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/slow_rounding_for_test.h"
#include "formats/tf32.h"

namespace mxpath {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

/// The value of a 16-bit code by the definition of IEEE 754, without any bit trick.
double by_definition(uint32_t magnitude, int mantissa, int bias) {
  const int exponent = static_cast<int>(magnitude >> mantissa);
  const double fraction = std::ldexp(magnitude & ((1u << mantissa) - 1), -mantissa);
  return exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
}

TEST(Bf16, AllCodesDecodeByDefinitionAndComeBack) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const float value = decode_bf16(static_cast<uint16_t>(code));
    const uint32_t magnitude = code & 0x7fff;
    ASSERT_EQ(std::signbit(value), code >= 0x8000);
    if (magnitude > 0x7f80) {
      ASSERT_TRUE(std::isnan(value));
      ASSERT_EQ(encode_bf16(value), code | 0x40);
      continue;
    }
    ASSERT_EQ(std::fabs(value), magnitude == 0x7f80 ? inf : static_cast<float>(by_definition(magnitude, 7, 127)));
    ASSERT_EQ(encode_bf16(value), code);
  }
}

TEST(Bf16, EncodesToTheNearest) {
  const auto values = positive_values(
      0x7f80, [](int c) { return by_definition(static_cast<uint32_t>(c), 7, 127); }, 0x1p128);
  for (float x : rounding_inputs(values, 200000)) {
    const uint32_t wanted = slow_nearest(values, x);
    ASSERT_EQ(encode_bf16(x), wanted) << x;
    ASSERT_EQ(encode_bf16(-x), wanted | 0x8000) << x;
  }
}

TEST(Bf16, NamedCases) {
  EXPECT_EQ(encode_bf16(1.00390625f), 0x3f80);      // tie, even below
  EXPECT_EQ(encode_bf16(1.01171875f), 0x3f82);      // tie, even above
  EXPECT_EQ(encode_bf16(0x1.fffffep127f), 0x7f80);  // overflow
  EXPECT_EQ(encode_bf16(-inf), 0xff80);
  EXPECT_EQ(encode_bf16(std::bit_cast<float>(0x7f800001u)), 0x7fc0);  // signalling NaN must not become infinity
  EXPECT_EQ(encode_bf16(std::bit_cast<float>(0xffffffffu)), 0xffff);
  EXPECT_EQ(round_bf16(3.14159265f), 3.140625f);
  static_assert(decode_bf16(0x4049) == 3.140625f);
}

TEST(Fp16, AllCodesDecodeByDefinitionAndComeBack) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const float value = decode_fp16(static_cast<uint16_t>(code));
    const uint32_t magnitude = code & 0x7fff;
    ASSERT_EQ(std::signbit(value), code >= 0x8000);
    if (magnitude > 0x7c00) {
      ASSERT_TRUE(std::isnan(value));
      ASSERT_EQ(encode_fp16(value), code | 0x200);
      continue;
    }
    ASSERT_EQ(std::fabs(value), magnitude == 0x7c00 ? inf : static_cast<float>(by_definition(magnitude, 10, 15)));
    ASSERT_EQ(encode_fp16(value), code);
  }
}

TEST(Fp16, EncodesToTheNearest) {
  const auto values = positive_values(
      0x7c00, [](int c) { return by_definition(static_cast<uint32_t>(c), 10, 15); }, 65536);
  for (float x : rounding_inputs(values, 200000)) {
    const uint32_t wanted = slow_nearest(values, x);
    ASSERT_EQ(encode_fp16(x), wanted) << x;
    ASSERT_EQ(encode_fp16(-x), wanted | 0x8000) << x;
  }
}

TEST(Fp16, NamedCases) {
  EXPECT_EQ(encode_fp16(65504), 0x7bff);
  EXPECT_EQ(encode_fp16(65519.996f), 0x7bff);
  EXPECT_EQ(encode_fp16(65520), 0x7c00);
  EXPECT_EQ(encode_fp16(inf), 0x7c00);
  EXPECT_EQ(encode_fp16(0x1p-24f), 1);
  EXPECT_EQ(encode_fp16(0x1p-25f), 0);  // tie with zero, which is even
  EXPECT_EQ(encode_fp16(0x1.000002p-25f), 1);
  EXPECT_EQ(encode_fp16(0x1.ffcp-15f), 0x0400);  // carries from the subnormals into the normals: a tie
  EXPECT_EQ(encode_fp16(-0.0f), 0x8000);
  EXPECT_EQ(encode_fp16(std::bit_cast<float>(0x7f800001u)), 0x7e00);
}

TEST(Tf32, RoundsToTheNearestAndTiesAway) {
  Random random(7);
  for (int i = 0; i < 300000; ++i) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(random.integer(0x00800000, 0x7f7fffff)));
    const double unit = std::ldexp(1.0, std::ilogb(x) - 10), wanted = std::floor(x / unit + 0.5) * unit;
    ASSERT_EQ(static_cast<double>(round_tf32(x)), wanted >= 0x1p128 ? HUGE_VAL : wanted) << x;
    ASSERT_EQ(round_tf32(-x), -round_tf32(x));
    ASSERT_EQ(static_cast<double>(truncate_tf32(x)), std::floor(x / unit) * unit) << x;
    ASSERT_EQ(truncate_tf32(-x), -truncate_tf32(x));
  }
}

TEST(Tf32, NamedCases) {
  EXPECT_EQ(round_tf32(1 + 0x1p-11f), 1 + 0x1p-10f);  // a tie goes away from zero, not to even
  EXPECT_EQ(truncate_tf32(1 + 0x1p-11f), 1.0f);
  EXPECT_EQ(round_tf32(0x1.fffffep127f), inf);
  EXPECT_EQ(truncate_tf32(0x1.fffffep127f), 0x1.ffcp127f);
  EXPECT_EQ(round_tf32(-inf), -inf);
  EXPECT_EQ(truncate_tf32(inf), inf);
  EXPECT_EQ(bits_of(round_tf32(-0.0f)), 0x80000000);
  for (uint32_t nan : {0x7f800001u, 0xff801fffu, 0x7fffffffu, 0xffffffffu}) {
    EXPECT_TRUE(std::isnan(round_tf32(std::bit_cast<float>(nan))));
    EXPECT_TRUE(std::isnan(truncate_tf32(std::bit_cast<float>(nan))));
  }
}

}  // namespace
}  // namespace mxpath
