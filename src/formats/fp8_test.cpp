#include "formats/fp8.h"

#include <gtest/gtest.h>

#include <limits>

#include "formats/format_tables_for_test.h"
#include "formats/fp8_row.h"
#include "formats/slow_rounding_for_test.h"

namespace mxpath {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
const float nan_of_low_bits = std::bit_cast<float>(0x7f800001u);

void expect_table(const Json& values, float (*decode)(uint8_t)) {
  ASSERT_EQ(values.size(), 256u);
  for (int code = 0; code < 256; ++code) {
    const float value = decode(static_cast<uint8_t>(code));
    const Json& wanted = values[static_cast<size_t>(code)];
    ASSERT_EQ(std::signbit(value), code >= 128) << code;
    if (wanted.is_null()) ASSERT_TRUE(std::isnan(value)) << code;
    else if (wanted.is_string()) ASSERT_EQ(value, wanted == "inf" ? inf : -inf) << code;
    else ASSERT_EQ(value, wanted.get<float>()) << code;
  }
}

TEST(Fp8, AllCodesAreThoseOfTheTable) {
  const Json tables = format_tables();
  expect_table(tables["e4m3fn"]["values"], decode_e4m3);
  expect_table(tables["e5m2"]["values"], decode_e5m2);
  EXPECT_EQ(decode_e4m3(0x7e), tables["e4m3fn"]["largest"].get<float>());
  EXPECT_EQ(decode_e4m3(0x08), tables["e4m3fn"]["smallest_normal"].get<float>());
  EXPECT_EQ(decode_e4m3(0x01), tables["e4m3fn"]["smallest_subnormal"].get<float>());
  EXPECT_EQ(decode_e5m2(0x7b), tables["e5m2"]["largest"].get<float>());
  EXPECT_EQ(decode_e5m2(0x04), tables["e5m2"]["smallest_normal"].get<float>());
  EXPECT_EQ(decode_e5m2(0x01), tables["e5m2"]["smallest_subnormal"].get<float>());
}

TEST(Fp8, AllCodesComeBack) {
  for (int c = 0; c < 256; ++c) {
    const auto code = static_cast<uint8_t>(c);
    for (bool saturate : {false, true}) EXPECT_EQ(encode_e4m3(decode_e4m3(code), saturate), code);
    if ((c & 0x7f) > 0x7c) {  // three NaN codes become the one that hardware writes
      EXPECT_EQ(encode_e5m2(decode_e5m2(code)), c | 0x7f);
      continue;
    }
    EXPECT_EQ(encode_e5m2(decode_e5m2(code), false), code);
    EXPECT_EQ(encode_e5m2(decode_e5m2(code)), (c & 0x7f) == 0x7c ? c - 1 : c);
  }
}

TEST(Fp8, E4m3EncodesToTheNearest) {
  const auto values = positive_values(
      0x7f, [](int c) { return double(decode_e4m3(static_cast<uint8_t>(c))); }, 480);
  for (float x : rounding_inputs(values, 200000)) {
    const uint32_t wanted = slow_nearest(values, x);
    ASSERT_EQ(encode_e4m3(x, false), wanted) << x;
    ASSERT_EQ(encode_e4m3(-x, false), wanted | 0x80) << x;
    ASSERT_EQ(encode_e4m3(x), std::min(wanted, 0x7eu)) << x;
    ASSERT_EQ(encode_e4m3(-x), std::min(wanted, 0x7eu) | 0x80) << x;
  }
}

TEST(Fp8, E5m2EncodesToTheNearest) {
  const auto values = positive_values(
      0x7c, [](int c) { return double(decode_e5m2(static_cast<uint8_t>(c))); }, 65536);
  for (float x : rounding_inputs(values, 200000)) {
    const uint32_t wanted = slow_nearest(values, x);
    ASSERT_EQ(encode_e5m2(x, false), wanted) << x;
    ASSERT_EQ(encode_e5m2(-x, false), wanted | 0x80) << x;
    ASSERT_EQ(encode_e5m2(x), std::min(wanted, 0x7bu)) << x;
    ASSERT_EQ(encode_e5m2(-x), std::min(wanted, 0x7bu) | 0x80) << x;
  }
}

TEST(Fp8, OverflowInfinityAndNan) {
  EXPECT_EQ(encode_e4m3(464, false), 0x7e);
  EXPECT_EQ(encode_e4m3(464.00003f, false), 0x7f);
  EXPECT_EQ(encode_e4m3(464.00003f), 0x7e);
  EXPECT_EQ(encode_e4m3(inf), 0x7e);
  EXPECT_EQ(encode_e4m3(-inf, false), 0xff);
  EXPECT_EQ(encode_e5m2(61439.996f, false), 0x7b);
  EXPECT_EQ(encode_e5m2(61440, false), 0x7c);
  EXPECT_EQ(encode_e5m2(-inf, false), 0xfc);
  EXPECT_EQ(encode_e5m2(-inf), 0xfb);
  for (bool saturate : {false, true}) {
    EXPECT_TRUE(std::isnan(decode_e4m3(encode_e4m3(nan_of_low_bits, saturate))));
    EXPECT_TRUE(std::isnan(decode_e5m2(encode_e5m2(nan_of_low_bits, saturate))));
  }
}

TEST(Fp8Row, UsesTheWholeRangeAndKeepsItsLargest) {
  const float values[] = {-3, 1.5f, 0.001f, -0.0f};
  uint8_t codes[4];
  float back[4];
  const float e4m3 = encode_e4m3_row(values, 4, codes);
  EXPECT_EQ(e4m3, 3.0f / 448);
  EXPECT_EQ(codes[0], 0xfe);
  EXPECT_EQ(codes[3], 0x80);
  decode_e4m3_row(codes, e4m3, 4, back);
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(back[i], values[i], std::max(std::fabs(values[i]) / 16, 0x1p-10f * e4m3)) << i;
  const float e5m2 = encode_e5m2_row(values, 4, codes);
  EXPECT_EQ(e5m2, 3.0f / 57344);
  EXPECT_EQ(codes[0], 0xfb);
  decode_e5m2_row(codes, e5m2, 4, back);
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(back[i], values[i], std::fabs(values[i]) / 8) << i;
}

TEST(Fp8Row, ZerosStayZerosAndNoNumberStaysNone) {
  float values[] = {0, -0.0f, 0}, back[3];
  uint8_t codes[3];
  EXPECT_EQ(encode_e4m3_row(values, 3, codes), 0);
  decode_e4m3_row(codes, 0, 3, back);
  for (float x : back) EXPECT_EQ(x, 0);
  values[1] = inf;
  EXPECT_TRUE(std::isnan(encode_e4m3_row(values, 3, codes)));
  EXPECT_TRUE(std::isnan(encode_e5m2_row(values, 3, codes)));
}

}  // namespace
}  // namespace mxpath
