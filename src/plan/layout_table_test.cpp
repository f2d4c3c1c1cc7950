#include "plan/layout_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace mxpath {
namespace {

TEST(LayoutTable, EveryFormatThatIsHeldHasItsPlainLayout) {
  std::set<std::string_view> names;
  for (const LayoutRow& row : layout_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    if (row.map.bits == 0) continue;
    const Layout plain = plain_layout(held_in(row.layout));
    EXPECT_TRUE(is_plain(plain)) << row.name;
    EXPECT_EQ(held_in(plain), held_in(row.layout)) << row.name;
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

/// Every code of a matrix has a place of its own inside its bytes, and every scale too.
TEST(LayoutTable, TheMapsGiveEachValueAPlaceOfItsOwn) {
  for (const LayoutRow& row : layout_rows()) {
    if (row.map.bits == 0) continue;
    for (const int64_t rows : {1, 16, 35})
      for (const int64_t columns : row.map.group() ? std::vector<int64_t>{64, 192} : std::vector<int64_t>{1, 33, 64}) {
        SCOPED_TRACE(std::string(row.name) + ", " + std::to_string(rows) + " rows, " + std::to_string(columns) +
                     " columns");
        std::set<int64_t> codes, scales;
        for (int64_t expert = 0; expert < 2; ++expert)
          for (int64_t r = 0; r < rows; ++r)
            for (int64_t c = 0; c < columns; ++c) {
              codes.insert(row.map.code(rows, columns, expert, r, c));
              scales.insert(row.map.scale(rows, columns, expert, r, c));
            }
        EXPECT_EQ(std::ssize(codes), 2 * rows * columns);
        EXPECT_GE(*codes.begin(), 0);
        EXPECT_LT(*codes.rbegin() * row.map.bits / 8, 2 * code_bytes(row.layout, rows, columns));
        if (row.map.scale_bytes == 0) continue;
        EXPECT_EQ(std::ssize(scales), 2 * rows * row.map.scales(columns));
        EXPECT_LT(*scales.rbegin() * row.map.scale_bytes, 2 * scale_bytes(row.layout, rows, columns));
      }
  }
}

/// Places that the kernels of a layout count on, as its file describes them.
TEST(LayoutTable, TheMapsAreWhatTheKernelsReadInWords) {
  const AddressMap& bf16 = row_of(Layout::bf16_rows16).map;
  EXPECT_EQ(bf16.code(32, 66, 0, 3, 5), (5 / 2) * 32 + 3 * 2 + 1);
  EXPECT_EQ(bf16.code(32, 65, 1, 17, 5), 32 * 66 + 16 * 66 + (5 / 2) * 32 + 1 * 2 + 1) << "padded to 66 columns";
  const AddressMap& mxfp4 = row_of(Layout::mxfp4_rows16).map;
  EXPECT_EQ(mxfp4.code(16, 64, 0, 2, 8 + 5), 128 + 2 * 8 + 4 + 2) << "an odd column lies in the upper half of its lane";
  EXPECT_EQ(mxfp4.scale(16, 64, 0, 2, 33), 16 + 2);
  const AddressMap& int8 = row_of(Layout::int8_rows16).map;
  EXPECT_EQ(int8.code(16, 8, 0, 15, 6), 64 + 15 * 4 + 2);
  EXPECT_EQ(int8.scale(17, 8, 1, 16, 6), 32 + 16);
}

}  // namespace
}  // namespace mxpath
