#include "plan/layout_table.h"

#include <gtest/gtest.h>

#include <set>

namespace mxpath {
namespace {

TEST(LayoutTable, EveryFormatThatIsHeldHasItsPlainLayout) {
  std::set<std::string_view> names;
  for (const LayoutRow& row : layout_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    if (row.bytes == 0) continue;
    const Layout plain = plain_layout(held_in(row.layout));
    EXPECT_TRUE(is_plain(plain)) << row.name;
    EXPECT_EQ(held_in(plain), held_in(row.layout)) << row.name;
    EXPECT_TRUE(row.group == 0 || row.group % row.columns == 0) << row.name;
  }
}

TEST(LayoutTable, SizesAreThoseOfTheNumbersAndTheirScales) {
  EXPECT_EQ(code_bytes(Layout::bf16_rows, 17, 33), 17 * 33 * 2);
  EXPECT_EQ(code_bytes(Layout::bf16_rows16, 17, 33), 32 * 34 * 2) << "padded on both ends";
  EXPECT_EQ(scale_bytes(Layout::bf16_rows16, 17, 33), 0);
  EXPECT_EQ(code_bytes(Layout::int8_rows16, 17, 33), 32 * 36);
  EXPECT_EQ(scale_bytes(Layout::int8_rows16, 17, 33), 32 * 4);
  EXPECT_EQ(code_bytes(Layout::mxfp4_rows16, 17, 64), 32 * 2 * 16);
  EXPECT_EQ(scale_bytes(Layout::mxfp4_rows16, 17, 64), 32 * 2);
  EXPECT_EQ(code_bytes(Layout::nf4_g64_rows, 17, 128), 17 * 64);
  EXPECT_EQ(scale_bytes(Layout::nf4_g64_rows, 17, 128), 17 * 2 * 4);
  EXPECT_EQ(layout_bytes(Layout::mxfp4_rows, 1, 3, 32), 64 + 3) << "scales begin on a line of 64 bytes";
  EXPECT_EQ(layout_bytes(Layout::any, 4, 16, 64), 0u);
}

}  // namespace
}  // namespace mxpath
