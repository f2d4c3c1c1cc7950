#include "formats/nf4.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/random.h"
#include "formats/bf16.h"
#include "formats/format_tables_for_test.h"
#include "formats/slow_rounding_for_test.h"

namespace mxpath {
namespace {

TEST(Nf4, ValuesAndThresholdsAreThoseOfTheTable) {
  const Json table = format_tables()["nf4"];
  for (uint8_t code = 0; code < 16; ++code) {
    EXPECT_EQ(bits_of(decode_nf4(code)), std::stoul(table["float32_bits"][code].get<std::string>(), nullptr, 16));
    EXPECT_EQ(encode_nf4(decode_nf4(code)), code);
  }
  // From the decimal text, not by way of double: four of them lie midway between two floats there.
  for (size_t i = 0; i < 15; ++i)
    EXPECT_EQ(nf4_thresholds[i], std::strtof(table["thresholds"][i].dump().c_str(), nullptr));
}

TEST(Nf4, ThresholdsAreStrict) {
  for (uint8_t i = 0; i < 15; ++i) {
    EXPECT_EQ(encode_nf4(nf4_thresholds[i]), i);
    EXPECT_EQ(encode_nf4(std::nextafter(nf4_thresholds[i], 2.0f)), i + 1);
    // Each lies in the middle of its neighbours, as nearest rounding asks.
    EXPECT_NEAR(nf4_thresholds[i], (nf4_values[i] + nf4_values[i + 1]) / 2, 2e-7);
  }
}

TEST(Nf4, GoldenOfARealCheckpoint) {
  const uint8_t packed[] = {0x6e, 0x5a, 0x58, 0x2c};
  const float absmax = 0.03125f;
  const float wanted[] = {-0.002838f, 0.022583f, -0.005768f, 0.00769f, -0.005768f, 0.002487f, -0.016357f, 0.013794f};
  float values[8];
  decode_nf4_blocks(packed, &absmax, 8, values);
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(round_bf16(values[i]), wanted[i], 1e-6) << i;
}

TEST(Nf4, BlocksComeBackAndErrorsStayBelowHalfAGap) {
  Random random(5);
  const size_t count = 64 * 3 + 21;
  std::vector<float> values(count), absmax(4), back(count);
  for (auto& v : values) v = static_cast<float>(random.uniform(-1, 1));
  values[70] = -9;
  std::vector<uint8_t> packed((count + 1) / 2), again(packed.size());
  encode_nf4_blocks(values.data(), count, packed.data(), absmax.data());
  EXPECT_EQ(absmax[1], 9);
  EXPECT_EQ(packed.back() & 15, 7);  // the odd end is padded with zero
  decode_nf4_blocks(packed.data(), absmax.data(), count, back.data());
  EXPECT_EQ(back[70], -9);
  for (size_t i = 0; i < count; ++i)
    ASSERT_LE(std::fabs(values[i] - back[i]), 0.1521f * absmax[i / 64]) << i;  // half of 1 - 0.6962
  encode_nf4_blocks(back.data(), count, again.data(), absmax.data());
  EXPECT_EQ(packed, again);
}

TEST(Nf4, ZerosAndNan) {
  std::vector<float> values(128, 0.0f), absmax(2), back(128);
  values[100] = std::numeric_limits<float>::infinity();
  std::vector<uint8_t> packed(64);
  encode_nf4_blocks(values.data(), 128, packed.data(), absmax.data());
  EXPECT_EQ(packed[0], 0x77);
  EXPECT_EQ(absmax[0], 0);
  decode_nf4_blocks(packed.data(), absmax.data(), 128, back.data());
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(back[i], 0);
  EXPECT_EQ(encode_nf4(std::numeric_limits<float>::quiet_NaN()), 0);
}

TEST(Nf4, BlocksOfAnotherSizeHaveTheirOwnAbsmax) {
  std::vector<float> values(64, 0.5f), absmax(2), back(64);
  values[32] = -4;
  std::vector<uint8_t> packed(32);
  encode_nf4_blocks(values.data(), 64, packed.data(), absmax.data(), 32);
  EXPECT_EQ(absmax, (std::vector<float>{0.5f, 4}));
  decode_nf4_blocks(packed.data(), absmax.data(), 64, back.data(), 32);
  EXPECT_EQ(back[31], 0.5f);
  EXPECT_EQ(back[32], -4);
  EXPECT_EQ(back[33], 4 * nf4_values[9]);  // 0.125 lies nearer to 0.1609 than to 0.0796
}

TEST(Nf4, NestedAbsmax) {
  std::vector<float> map(256), absmax(300);
  for (size_t i = 0; i < 256; ++i) map[i] = static_cast<float>(i) / 128 - 1;
  std::vector<uint8_t> codes(300, 192);
  codes[299] = 0;
  const float nested[2] = {2, 4};
  decode_nested_absmax(codes.data(), 300, map.data(), nested, 0.5f, absmax.data());
  EXPECT_EQ(absmax[0], 1.5f);
  EXPECT_EQ(absmax[255], 1.5f);
  EXPECT_EQ(absmax[256], 2.5f);
  EXPECT_EQ(absmax[299], -3.5f);
}

}  // namespace
}  // namespace mxpath
