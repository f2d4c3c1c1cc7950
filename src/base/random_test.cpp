#include "base/random.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace mxpath {
namespace {

using Words = std::array<uint32_t, 4>;

TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  constexpr uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Draw, StaysTheSame) {
  EXPECT_EQ(draw(0, 0, 0), static_cast<double>(0xe169c58d6627e8d5 >> 11) * 0x1p-53) << "words 1 and 0 of the answer";
  EXPECT_EQ(draw(7, 1, 2), draw(7, 1, 2));
}

TEST(Draw, HearsEveryBitOfWhatItIsGiven) {
  std::set<double> drawn{draw(0, 0, 0)};
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t one = uint64_t{1} << bit;
    for (double x : {draw(one, 0, 0), draw(0, one, 0), draw(0, 0, one)}) {
      EXPECT_TRUE(drawn.insert(x).second) << bit;
      EXPECT_TRUE(x >= 0 && x < 1) << x;
    }
  }
}

/// Pearson's χ² of 16 bins: 37.7 is exceeded once in a thousand times; the counters are fixed.
TEST(Draw, IsUniformAlongEachOfItsNumbers) {
  constexpr int draws = 32000, bins = 16;
  for (int along = 0; along < 3; ++along) {
    std::vector<int> counts(bins);
    for (uint64_t i = 0; i < draws; ++i) {
      const double x = along == 0 ? draw(i, 5, 6) : along == 1 ? draw(4, i, 6) : draw(4, 5, i);
      ++counts[static_cast<size_t>(x * bins)];
    }
    double chi = 0;
    for (int count : counts) chi += (count - draws / bins) * (count - draws / bins) / (1.0 * draws / bins);
    EXPECT_LT(chi, 37.7) << along;
  }
}

}  // namespace
}  // namespace mxpath
