#include "formats/mxfp4.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

#include "formats/format_tables_for_test.h"
#include "formats/slow_rounding_for_test.h"

namespace mxpath {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr NibbleOrder orders[] = {NibbleOrder::adjacent, NibbleOrder::halves};
using Codes = std::array<uint8_t, mxfp4_block_bytes>;
using Values = std::array<float, mxfp4_block>;

Codes codes_from_hex(const std::string& hex) {
  Codes codes{};
  for (size_t i = 0; i < codes.size(); ++i)
    codes[i] = static_cast<uint8_t>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return codes;
}

Values decoded(const Codes& codes, uint8_t scale, NibbleOrder order) {
  Values values;
  decode_mxfp4_block(codes.data(), scale, values.data(), order);
  return values;
}

/// A block whose largest magnitude code is `top`, the others at random below it.
Codes random_block(Random& random, uint8_t top) {
  Codes codes{};
  for (auto& byte : codes) {
    const auto nibble = [&] { return random.integer(0, top) | (random.integer(0, 1) << 3); };
    byte = static_cast<uint8_t>(nibble() | (nibble() << 4));
  }
  codes[static_cast<size_t>(random.integer(0, 15))] = static_cast<uint8_t>(top | (random.integer(0, 15) & 8) | 0x80);
  return codes;
}

TEST(E2m1, ValuesAndRoundingAreThoseOfTheTable) {
  const Json table = format_tables()["e2m1"];
  for (uint8_t code = 0; code < 16; ++code) {
    EXPECT_EQ(bits_of(decode_e2m1(code)), bits_of(table["values"][code].get<float>())) << int(code);
    EXPECT_EQ(encode_e2m1(decode_e2m1(code)), code);
  }
  for (size_t i = 0; i < 7; ++i) {
    const auto midpoint = table["midpoints"][i].get<float>();
    EXPECT_EQ(encode_e2m1(midpoint), table["code_at_midpoint"][i].get<int>());
    EXPECT_EQ(encode_e2m1(std::nextafter(midpoint, 0.0f)), i);
    EXPECT_EQ(encode_e2m1(std::nextafter(midpoint, inf)), i + 1);
  }
}

TEST(E2m1, EncodesToTheNearestAndSaturates) {
  const auto values = positive_values(
      8, [](int c) { return double(e2m1_values[c]); }, 8);
  for (float x : rounding_inputs(values, 200000)) {
    const uint32_t wanted = std::min(slow_nearest(values, x), 7u);
    ASSERT_EQ(encode_e2m1(x), wanted) << x;
    ASSERT_EQ(encode_e2m1(-x), wanted | 8) << x;
  }
  EXPECT_EQ(encode_e2m1(inf), 7);
  EXPECT_EQ(encode_e2m1(-inf), 15);
  EXPECT_EQ(encode_e2m1(-std::numeric_limits<float>::quiet_NaN()), 7);
}

TEST(E8m0, EveryByteIsItsPowerOfTwo) {
  for (int byte = 0; byte < 255; ++byte) {
    EXPECT_EQ(static_cast<double>(decode_e8m0(static_cast<uint8_t>(byte))), std::ldexp(1.0, byte - 127));
    EXPECT_EQ(encode_e8m0(decode_e8m0(static_cast<uint8_t>(byte))), byte);
  }
  EXPECT_TRUE(std::isnan(decode_e8m0(255)));
}

TEST(E8m0, EncodesUpwards) {
  EXPECT_EQ(encode_e8m0(1.0000001f), 128);
  EXPECT_EQ(encode_e8m0(0), 0);
  EXPECT_EQ(encode_e8m0(-5), 0);
  EXPECT_EQ(encode_e8m0(0x1p-149f), 0);
  EXPECT_EQ(encode_e8m0(std::bit_cast<float>(0x00400001u)), 1);
  EXPECT_EQ(encode_e8m0(0x1.8p127f), 254);
  EXPECT_EQ(encode_e8m0(inf), 254);
  EXPECT_EQ(encode_e8m0(std::numeric_limits<float>::quiet_NaN()), 255);
}

TEST(BlockScale, NamedCases) {
  EXPECT_EQ(block_scale(33, 6, ScaleRule::ocp), 130);
  EXPECT_EQ(block_scale(33, 6, ScaleRule::ceil), 130);     // 33 / 6 = 5.5 → 8
  EXPECT_EQ(block_scale(33, 6, ScaleRule::nearest), 129);  // log2 5.5 = 2.46 → 4
  EXPECT_EQ(block_scale(7, 6, ScaleRule::ocp), 127);
  EXPECT_EQ(block_scale(7, 6, ScaleRule::ceil), 128);
  EXPECT_EQ(block_scale(6, 6, ScaleRule::ceil), 127);
  EXPECT_EQ(block_scale(std::nextafter(6.0f, 7.0f), 6, ScaleRule::ceil), 128);
  EXPECT_EQ(block_scale(4, 6, ScaleRule::nearest), 126);
  for (auto rule : {ScaleRule::ocp, ScaleRule::ceil, ScaleRule::nearest}) {
    EXPECT_EQ(block_scale(0, 6, rule), 0);
    EXPECT_EQ(block_scale(0x1p-149f, 6, rule), 0);
    EXPECT_EQ(block_scale(inf, 6, rule), 255);
    EXPECT_EQ(block_scale(std::numeric_limits<float>::quiet_NaN(), 6, rule), 255);
  }
}

TEST(BlockScale, FollowsTheFormulas) {
  Random random(3);
  for (int i = 0; i < 200000; ++i) {
    const float amax = std::bit_cast<float>(static_cast<uint32_t>(random.integer(0x02000000, 0x7f7fffff)));
    for (double largest : {6.0, 448.0, 57344.0}) {
      const auto byte = [](double exponent) { return static_cast<int>(std::clamp(exponent, -127.0, 127.0)) + 127; };
      const double ratio = std::log2(static_cast<double>(amax) / largest);
      const auto top = static_cast<float>(largest);
      ASSERT_EQ(block_scale(amax, top, ScaleRule::ocp), byte(std::ilogb(amax) - std::ilogb(largest))) << amax;
      ASSERT_EQ(block_scale(amax, top, ScaleRule::ceil), byte(std::ceil(ratio))) << amax;
      ASSERT_EQ(block_scale(amax, top, ScaleRule::nearest), byte(std::round(ratio))) << amax;
    }
  }
}

TEST(BlockScale, AgreesWithTheIntegerImplementations) {
  Random random(4);
  for (int i = 0; i < 200000; ++i) {
    const float amax = std::bit_cast<float>(static_cast<uint32_t>(random.integer(0x03000000, 0x7f7fffff)));
    ASSERT_EQ(block_scale(amax, 6, ScaleRule::ceil), ((bits_of(amax / 6) + 0x007fffff) & 0x7f800000) >> 23) << amax;
    ASSERT_EQ(block_scale(amax, 6, ScaleRule::ocp), (bits_of(amax / 4) & 0x7f800000) >> 23) << amax;
  }
}

TEST(Mxfp4, DecodesEveryCodeUnderEveryScaleExactly) {
  for (int scale = 0; scale < 256; ++scale)
    for (uint8_t code = 0; code < 16; ++code) {
      Codes codes{};
      codes[5] = static_cast<uint8_t>(code << 4);
      const float value = decoded(codes, static_cast<uint8_t>(scale), NibbleOrder::adjacent)[11];
      ASSERT_EQ(bits_of(value), bits_of(decoded(codes, static_cast<uint8_t>(scale), NibbleOrder::halves)[21]));
      if (scale == 255) {
        ASSERT_TRUE(std::isnan(value));
        continue;
      }
      const double exact = std::ldexp(static_cast<double>(e2m1_values[code]), scale - 127);
      const bool overflow = (scale == 253 && (code & 7) >= 6) || (scale == 254 && (code & 7) >= 4);
      ASSERT_EQ(overflow, std::fabs(exact) >= 0x1p128);
      ASSERT_EQ(static_cast<double>(value), overflow ? std::copysign(HUGE_VAL, exact) : exact)
          << scale << " " << int(code);
      ASSERT_EQ(std::signbit(value), code >= 8);
      ASSERT_EQ(bits_of(value),
                bits_of(decode_mxfp4(codes.data(), static_cast<uint8_t>(scale), 11, NibbleOrder::adjacent)));
    }
}

TEST(Mxfp4, NibbleOrdersAreThoseOfTheTwoFileFormats) {
  const Codes hub = codes_from_hex("4420823cfde6f1c26b30f90ec7dd01e4"),
              ggml = codes_from_hex("b464003292f8ec037dcfd6de110f42ec");
  Codes repacked{};
  repack_mxfp4_block(hub.data(), NibbleOrder::adjacent, repacked.data(), NibbleOrder::halves);
  EXPECT_EQ(repacked, ggml);
  repack_mxfp4_block(repacked.data(), NibbleOrder::halves, repacked.data(), NibbleOrder::adjacent);  // in place
  EXPECT_EQ(repacked, hub);
  EXPECT_EQ(decoded(hub, 127, NibbleOrder::adjacent), decoded(ggml, 127, NibbleOrder::halves));
  const Values values = decoded(hub, 128, NibbleOrder::adjacent);
  EXPECT_EQ(values[0], 4);  // 0x44: 2 × 2
  EXPECT_EQ(values[2], 0);  // 0x20: low nibble first
  EXPECT_EQ(values[3], 2);
  EXPECT_EQ(values[31], -8);  // 0xe4: high nibble
}

TEST(Mxfp4, DoubledTableOfGgmlIsOurs) {
  const Json doubled = format_tables()["ggml_doubled_e2m1"];
  for (uint8_t code = 0; code < 16; ++code) EXPECT_EQ(2 * decode_e2m1(code), doubled[code].get<float>());
}

TEST(Mxfp4, ManyBlocksAreOneBlockManyTimes) {
  Random random(9);
  std::array<uint8_t, 3 * mxfp4_block_bytes> codes;
  for (auto& byte : codes) byte = static_cast<uint8_t>(random.next());
  const uint8_t scales[3] = {100, 127, 140};
  std::array<float, 3 * mxfp4_block> values;
  for (auto order : orders) {
    decode_mxfp4_blocks(codes.data(), scales, 3, values.data(), order);
    for (int i = 0; i < 3 * mxfp4_block; ++i)
      ASSERT_EQ(values[size_t(i)], decode_mxfp4(codes.data() + i / 32 * 16, scales[i / 32], i % 32, order));
  }
}

// ocp and ceil give every decoded block back, whatever its largest code is; scales up to 252, where nothing overflows.
TEST(Mxfp4, BlocksOnTheGridComeBackUnderOcpAndCeil) {
  Random random(11);
  for (auto rule : {ScaleRule::ocp, ScaleRule::ceil})
    for (auto order : orders)
      for (int scale = 0; scale <= 252; ++scale)
        for (uint8_t top = 1; top < 8; ++top) {
          const Codes codes = random_block(random, top);
          const Values values = decoded(codes, static_cast<uint8_t>(scale), order);
          Codes again{};
          const uint8_t scale_again = encode_mxfp4_block(values.data(), again.data(), rule, order);
          const Values values_again = decoded(again, scale_again, order);
          for (size_t i = 0; i < values.size(); ++i)
            ASSERT_EQ(bits_of(values[i]), bits_of(values_again[i])) << scale << " " << int(top);
          if (top >= 6 || scale == 0) {
            ASSERT_EQ(scale_again, scale);
            ASSERT_EQ(again, codes);
          }
          // A smaller top code moves into the scale.
          if (top < 6 && scale >= 3) {
            ASSERT_LT(scale_again, scale);
          }
        }
}

TEST(Mxfp4, NearestScaleLosesBlocksTopped2And4) {
  for (uint8_t top = 1; top < 8; ++top) {
    Codes codes{}, again{};
    codes[0] = top;
    const float value = decoded(codes, 127, NibbleOrder::adjacent)[0];
    const uint8_t scale = encode_mxfp4_block(decoded(codes, 127, NibbleOrder::adjacent).data(), again.data(),
                                             ScaleRule::nearest, NibbleOrder::adjacent);
    const bool power_of_two = value == 0.5f || value == 1 || value == 2 || value == 4;
    EXPECT_EQ(decoded(again, scale, NibbleOrder::adjacent)[0], power_of_two ? 0.75f * value : value) << value;
  }
}

TEST(Mxfp4, RoundsElementsAsPublished) {
  Values values{};
  const float in[] = {6, 0.24f,   0.25f, 0.75f, 0.99f, 1.2f, 1.3f, -1.25f, std::nextafter(0.25f, 1.0f),
                      5, 5.0001f, -0.1f};
  const float out[] = {6, 0, 0, 1, 1, 1, 1.5f, -1, 0.5f, 4, 6, -0.0f};
  std::copy(std::begin(in), std::end(in), values.begin());
  for (auto rule : {ScaleRule::ocp, ScaleRule::ceil, ScaleRule::nearest})
    for (auto order : orders) {
      Codes codes{};
      ASSERT_EQ(encode_mxfp4_block(values.data(), codes.data(), rule, order), 127);
      const Values result = decoded(codes, 127, order);
      for (size_t i = 0; i < std::size(out); ++i) EXPECT_EQ(bits_of(result[i]), bits_of(out[i])) << in[i];
    }
}

TEST(Mxfp4, SaturatesUnderOcpOnly) {
  Values values{};
  values[7] = -7.9f;
  Codes codes{};
  EXPECT_EQ(encode_mxfp4_block(values.data(), codes.data(), ScaleRule::ocp, NibbleOrder::adjacent), 127);
  EXPECT_EQ(decoded(codes, 127, NibbleOrder::adjacent)[7], -6);
  EXPECT_EQ(encode_mxfp4_block(values.data(), codes.data(), ScaleRule::ceil, NibbleOrder::adjacent), 128);
  EXPECT_EQ(decoded(codes, 128, NibbleOrder::adjacent)[7], -8);
}

TEST(Mxfp4, ZerosNanAndInfinity) {
  for (auto rule : {ScaleRule::ocp, ScaleRule::ceil, ScaleRule::nearest}) {
    Values values{};
    values[3] = -0.0f;
    Codes codes;
    codes.fill(0xff);
    EXPECT_EQ(encode_mxfp4_block(values.data(), codes.data(), rule, NibbleOrder::halves), 0);
    EXPECT_EQ(codes, Codes{});
    for (float bad : {inf, -inf, std::numeric_limits<float>::quiet_NaN()}) {
      values[17] = bad;
      EXPECT_EQ(encode_mxfp4_block(values.data(), codes.data(), rule, NibbleOrder::halves), 255);
      for (float value : decoded(codes, 255, NibbleOrder::halves)) EXPECT_TRUE(std::isnan(value));
    }
  }
}

// The whole encoder against the definition: the scale by formula, then the nearest element in double.
TEST(Mxfp4, EncodesRandomBlocksToTheNearest) {
  const auto table = positive_values(
      8, [](int c) { return double(e2m1_values[c]); }, 8);
  Random random(13);
  for (int n = 0; n < 4000; ++n) {
    Values values;
    const int center = static_cast<int>(random.integer(-149, 124));
    for (auto& v : values)
      v = static_cast<float>(std::ldexp(random.uniform(-8, 8), center - static_cast<int>(random.integer(0, 4))));
    for (auto rule : {ScaleRule::ocp, ScaleRule::ceil, ScaleRule::nearest}) {
      Codes codes{};
      const uint8_t scale = encode_mxfp4_block(values.data(), codes.data(), rule, NibbleOrder::adjacent);
      for (int i = 0; i < mxfp4_block; ++i) {
        const double x = std::ldexp(static_cast<double>(values[size_t(i)]), 127 - scale);
        const bool all_zero = std::all_of(values.begin(), values.end(), [](float v) { return v == 0; });
        const uint32_t sign = std::signbit(x) && !all_zero ? 8 : 0;
        ASSERT_EQ(mxfp4_code(codes.data(), i, NibbleOrder::adjacent),
                  std::min(slow_nearest(table, std::fabs(x)), 7u) | sign);
      }
    }
  }
}

}  // namespace
}  // namespace mxpath
