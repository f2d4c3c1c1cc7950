#include "base/nearest.h"

#include <gtest/gtest.h>

namespace mxpath {
namespace {

using Names = std::vector<std::string_view>;

const Names machines = {"a10", "h100", "haswell", "rtx_3090", "rtx_4090", "rtx_pro_6000", "t4", "zen4"};
const Names devices = {"auto", "cpu", "cuda"};

TEST(Nearest, APartOfANameComesBeforeItsSpelling) {
  EXPECT_EQ(nearest_names("rtx", machines), (Names{"rtx_3090", "rtx_4090", "rtx_pro_6000"}))
      << "it was t4, two letters away";
  EXPECT_EQ(nearest_names("4090", machines), (Names{"rtx_4090"}));
  EXPECT_EQ(nearest_names("pro 6000", machines), (Names{"rtx_pro_6000"}));
}

TEST(Nearest, CaseAndPunctuationDoNotCount) {
  EXPECT_EQ(nearest_names("CPU", devices), (Names{"cpu"}));
  EXPECT_EQ(nearest_names("Rtx-3090", machines), (Names{"rtx_3090"}));
}

TEST(Nearest, SlipsOfTheFinger) {
  EXPECT_EQ(nearest_names("hasswell", machines), (Names{"haswell"}));
  EXPECT_EQ(nearest_names("cdua", devices), (Names{"cuda"}));
  EXPECT_EQ(nearest_names("rtx 3900", machines), (Names{"rtx_3090"}));
  EXPECT_EQ(nearest_names("h100 of the laboratory", machines), (Names{"h100"}));
}

TEST(Nearest, NothingIsNearWhatIsFar) {
  for (const char* far : {"", " ", "-", "x", "xyz", "PDP-11/70", "\xff\xfe"})
    EXPECT_TRUE(nearest_names(far, machines).empty()) << far;
  EXPECT_EQ(nearest_note("xyz", machines), "");
  EXPECT_EQ(nearest_note(std::string(1 << 20, 'a'), machines), "") << "and it takes no time";
}

TEST(Nearest, IsASentencesPart) {
  EXPECT_EQ(nearest_note("Haswell", machines), " (the nearest name is haswell)");
  EXPECT_EQ(nearest_note("RTX 4", machines), " (the nearest name is rtx_4090)");
  EXPECT_EQ(nearest_note("rtx", machines), " (the nearest names are rtx_3090, rtx_4090, rtx_pro_6000)");
}

}  // namespace
}  // namespace mxpath
