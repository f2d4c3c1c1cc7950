#include "formats/number_format.h"

#include <gtest/gtest.h>

#include "formats/bf16.h"
#include "formats/e2m1.h"
#include "formats/fp16.h"
#include "formats/fp8.h"
#include "formats/nf4.h"
#include "formats/tf32.h"

namespace mxpath {
namespace {

TEST(NumberFormat, NamesComeBack) {
  for (int i = 0; i < number_format_count; ++i) {
    const auto format = static_cast<NumberFormat>(i);
    EXPECT_EQ(parse_number_format(name_of(format)), format);
  }
}

TEST(NumberFormat, OtherSpellings) {
  EXPECT_EQ(parse_number_format("BFloat16"), NumberFormat::bf16);
  EXPECT_EQ(parse_number_format("half"), NumberFormat::fp16);
  EXPECT_EQ(parse_number_format("F32"), NumberFormat::fp32);
  EXPECT_EQ(parse_number_format("float8_e4m3fn"), NumberFormat::fp8_e4m3);
  EXPECT_EQ(parse_number_format("mxfp8"), NumberFormat::mxfp8_e4m3);
  for (const char* text : {"", "bf", "bf16 ", "mxfp", "q4_0"})
    EXPECT_EQ(parse_number_format(text), std::nullopt) << text;
}

TEST(NumberFormat, BitsPerValue) {
  const double wanted[number_format_count] = {32, 32, 16, 16, 8, 8, 4.25, 8.25, 8.25, 8, 5, 4.5};
  for (int i = 0; i < number_format_count; ++i) EXPECT_EQ(bits_per_value(static_cast<NumberFormat>(i)), wanted[i]) << i;
}

TEST(NumberFormat, FactsAreThoseOfTheCodecs) {
  const auto check = [](NumberFormat format, float largest, float smallest) {
    EXPECT_EQ(facts_of(format).largest, largest) << name_of(format);
    EXPECT_EQ(facts_of(format).smallest, smallest) << name_of(format);
  };
  check(NumberFormat::bf16, decode_bf16(0x7f7f), decode_bf16(1));
  check(NumberFormat::fp16, decode_fp16(0x7bff), decode_fp16(1));
  check(NumberFormat::tf32, truncate_tf32(0x1.fffffep127f), 0x1p-136f);
  check(NumberFormat::fp8_e4m3, decode_e4m3(0x7e), decode_e4m3(1));
  check(NumberFormat::mxfp8_e5m2, decode_e5m2(0x7b), decode_e5m2(1));
  check(NumberFormat::mxfp4, decode_e2m1(7), decode_e2m1(1));
  check(NumberFormat::nf4, decode_nf4(15), decode_nf4(8));
}

}  // namespace
}  // namespace mxpath
