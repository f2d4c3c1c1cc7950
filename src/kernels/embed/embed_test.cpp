#include "kernels/embed/embed.h"

#include "kernels/test_rows.h"

namespace mxpath {
namespace {

class Embed : public RowTest {};

TEST_P(Embed, CopiesRowsOfAnyLayout) {
  Random random(2);
  for (int64_t width : {32, 64, 192, 2880}) {
    const std::vector<float> values = mxfp4_values(random, 50 * width, false);
    std::vector<int32_t> tokens = {49, 0, 17, 17, 3};
    for (int i = 0; i < 300; ++i) tokens.push_back(static_cast<int32_t>(random.integer(0, 49)));
    for (int number = static_cast<int>(Layout::fp32_rows); number < layout_count; ++number)
      for (size_t count : {size_t{1}, size_t{5}, tokens.size()}) {
        const Layout layout = static_cast<Layout>(number);
        if (group_of(layout) > 0 && width % group_of(layout) != 0) continue;
        const TestMatrix table = pack_test_matrix(layout, 1, 50, width, values);
        std::vector<float> y(count * static_cast<size_t>(width) + 1, poison), row(static_cast<size_t>(width));
        run_row(path(), EmbedArgs{&table.view, tokens.data(), static_cast<int>(count), y.data() + count % 2});
        for (size_t t = 0; t < count; ++t) {
          decode_row(table.view, 0, tokens[t],
                     row.data());  // what the layout holds, which may be less exact than the values
          const float* got = y.data() + count % 2 + t * row.size();
          for (size_t i = 0; i < row.size(); ++i)
            ASSERT_EQ(got[i], row[i]) << name_of(layout) << ", token " << t << ", column " << i;
        }
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, Embed, testing::ValuesIn(rows_of({Op::embed})), test_name);

}  // namespace
}  // namespace mxpath
