#include "cli/size.h"

#include <gtest/gtest.h>

namespace mxpath::cli {
namespace {

TEST(Size, WhatPeopleType) {
  EXPECT_EQ(parse_size("5000000000"), 5'000'000'000u);
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("1b"), 1u);
  EXPECT_EQ(parse_size("500MB"), 500'000'000u);
  EXPECT_EQ(parse_size("500m"), 500'000'000u);
  EXPECT_EQ(parse_size("1.5MB"), 1'500'000u);
  EXPECT_EQ(parse_size("0.1 gb"), 100'000'000u);
  EXPECT_EQ(parse_size("2GiB"), uint64_t{2} << 30);
  EXPECT_EQ(parse_size("2gi"), uint64_t{2} << 30);
  EXPECT_EQ(parse_size("1.5KiB"), 1536u);
  EXPECT_EQ(parse_size("3TB"), 3'000'000'000'000u);
  EXPECT_EQ(parse_size("4611686018427387903"), (uint64_t{1} << 62) - 1);  // beyond what a double holds exactly
}

TEST(Size, WhatIsNoSize) {
  for (const char* text : {"",
                           "-5",
                           "-5GB",
                           "+5",
                           "0x10",
                           "1e9",
                           "1,5MB",
                           "1.5.2MB",
                           "MB",
                           "5XB",
                           "5KBB",
                           "5 G B",
                           "five",
                           "nan",
                           "inf",
                           ".",
                           "5GB ",
                           " 5GB",
                           "4611686018427387904",
                           "18446744073709551611",
                           "99999999999999999999",
                           "9999999PB",
                           "1.5e3MB"})
    EXPECT_FALSE(parse_size(text).has_value()) << text;
}

}  // namespace
}  // namespace mxpath::cli
