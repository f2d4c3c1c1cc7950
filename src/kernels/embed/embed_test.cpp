#include "kernels/embed/embed.h"

#include "kernels/test_rows.h"

namespace mxpath {
namespace {

class Embed : public RowTest {};

TEST_P(Embed, CopiesRowsOfAnyLayout) {
  Random random(2);
  const std::vector<float> grid = mxfp4_values(random, 50 * 64, false);
  const std::vector<int32_t> tokens = {49, 0, 17, 17, 3};
  for (Layout layout : layouts_of(path())) {
    const std::vector<float> values = values_for(layout, grid, 64, false, 3);
    const TestMatrix table = pack_test_matrix(layout, 1, 50, 64, values);
    std::vector<float> y(tokens.size() * 64, poison);
    run_row(path(), EmbedArgs{&table.view, tokens.data(), static_cast<int>(tokens.size()), y.data()});
    for (size_t t = 0; t < tokens.size(); ++t)
      for (size_t i = 0; i < 64; ++i) ASSERT_EQ(y[t * 64 + i], values[static_cast<size_t>(tokens[t]) * 64 + i]) << name_of(layout);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, Embed, testing::ValuesIn(rows_of({Op::embed})), test_name);

}  // namespace
}  // namespace mxpath
