#include "formats/mxfp8.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "formats/slow_rounding_for_test.h"

namespace mxpath {
namespace {

using Codes = std::array<uint8_t, mxfp8_block>;
using Values = std::array<float, mxfp8_block>;
constexpr Fp8 elements[] = {Fp8::e4m3, Fp8::e5m2};

float decode(Fp8 element, uint8_t code) { return element == Fp8::e4m3 ? decode_e4m3(code) : decode_e5m2(code); }

TEST(Mxfp8, DecodesEveryCodeUnderEveryScaleExactly) {
  for (Fp8 element : elements)
    for (int scale = 0; scale < 256; ++scale)
      for (int c = 0; c < 256; ++c) {
        Codes codes{};
        codes[9] = static_cast<uint8_t>(c);
        Values values;
        decode_mxfp8_block(codes.data(), static_cast<uint8_t>(scale), values.data(), element);
        const float plain = decode(element, static_cast<uint8_t>(c));
        if (scale == 255 || std::isnan(plain)) {
          ASSERT_TRUE(std::isnan(values[9]));
          continue;
        }
        const double exact = std::ldexp(static_cast<double>(plain), scale - 127);
        ASSERT_EQ(static_cast<double>(values[9]), std::fabs(exact) >= 0x1p128 ? std::copysign(HUGE_VAL, exact) : exact)
            << scale << " " << c;
      }
}

TEST(Mxfp8, EncodesRandomBlocksToTheNearest) {
  Random random(17);
  for (Fp8 element : elements) {
    const int codes_without_sign = element == Fp8::e4m3 ? 0x7f : 0x7c;
    const auto table = positive_values(
        codes_without_sign, [&](int c) { return double(decode(element, static_cast<uint8_t>(c))); },
        element == Fp8::e4m3 ? 480 : 65536);
    for (int n = 0; n < 2000; ++n) {
      Values values;
      const int center = static_cast<int>(random.integer(-120, 120));
      for (auto& v : values)
        v = static_cast<float>(std::ldexp(random.uniform(-8, 8), center - static_cast<int>(random.integer(0, 20))));
      for (auto rule : {ScaleRule::ocp, ScaleRule::ceil, ScaleRule::nearest}) {
        Codes codes;
        const uint8_t scale = encode_mxfp8_block(values.data(), codes.data(), rule, element);
        for (size_t i = 0; i < values.size(); ++i) {
          const double x = std::ldexp(static_cast<double>(values[i]), 127 - scale);
          const uint32_t wanted =
              std::min(slow_nearest(table, std::fabs(x)), static_cast<uint32_t>(codes_without_sign - 1));
          ASSERT_EQ(codes[i], wanted | (std::signbit(x) ? 0x80u : 0u));
        }
      }
    }
  }
}

TEST(Mxfp8, ScaleRules) {
  Values values{};
  Codes codes;
  values[0] = 448;
  EXPECT_EQ(encode_mxfp8_block(values.data(), codes.data(), ScaleRule::ocp, Fp8::e4m3), 127);
  EXPECT_EQ(encode_mxfp8_block(values.data(), codes.data(), ScaleRule::ceil, Fp8::e4m3), 127);
  EXPECT_EQ(codes[0], 0x7e);
  values[0] = 500;
  EXPECT_EQ(encode_mxfp8_block(values.data(), codes.data(), ScaleRule::ocp, Fp8::e4m3), 127);
  EXPECT_EQ(codes[0], 0x7e);  // saturated
  EXPECT_EQ(encode_mxfp8_block(values.data(), codes.data(), ScaleRule::ceil, Fp8::e4m3), 128);
  EXPECT_EQ(decode_e4m3(codes[0]), 256);  // 250 lies between 240 and 256
  EXPECT_EQ(encode_mxfp8_block(values.data(), codes.data(), ScaleRule::ceil, Fp8::e5m2), 121);
}

TEST(Mxfp8, ZerosNanAndInfinity) {
  for (Fp8 element : elements) {
    Values values{};
    Codes codes;
    codes.fill(0xff);
    EXPECT_EQ(encode_mxfp8_block(values.data(), codes.data(), ScaleRule::ocp, element), 0);
    EXPECT_EQ(codes, Codes{});
    for (float bad : {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      values[31] = bad;
      EXPECT_EQ(encode_mxfp8_block(values.data(), codes.data(), ScaleRule::ceil, element), 255);
      EXPECT_EQ(codes, Codes{});
    }
  }
}

}  // namespace
}  // namespace mxpath
