#include "kernels/norm/norm.h"

#include <algorithm>

#include "kernels/test_rows.h"

namespace mxpath {
namespace {

class Norm : public RowTest {};

std::vector<float> run(const KernelPath& path, const std::vector<float>& x, const std::vector<float>& scale,
                       int threads) {
  ThreadPool pool(threads);
  std::vector<float> y(x.size(), poison);
  run_row(path, NormArgs{x.data(), scale.data(), y.data(), static_cast<int64_t>(scale.size()),
                         static_cast<int>(x.size() / scale.size()), 1e-5f, &pool});
  return y;
}

TEST_P(Norm, AgreesWithTheReference) {
  Random random(4);
  for (int64_t width : {1, 3, 4, 8, 17, 96, 1028, 2880})
    for (double size : {1e-3, 1.0, 1e4}) {
      std::vector<float> x = activations(random, 20 * width, false), scale = activations(random, width, false);
      for (float& value : x) value *= static_cast<float>(size);
      const std::vector<float> y = run(path(), x, scale, 1);
      EXPECT_TRUE(same_bits(y, run(path(), x, scale, 3)));
      for (size_t t = 0; t < 20; ++t) {
        const size_t w = static_cast<size_t>(width);
        double squares = 0;
        for (size_t i = 0; i < w; ++i) squares += double(x[t * w + i]) * x[t * w + i];
        const double factor = 1 / std::sqrt(squares / double(width) + 1e-5f);
        for (size_t i = 0; i < w; ++i) {
          const double want = x[t * w + i] * factor * scale[i];
          ASSERT_NEAR(y[t * w + i], want, std::fabs(want) * std::ldexp(double(width) / 8 + 12, -24)) << width;
        }
      }
    }
}

TEST_P(Norm, OfWhatIsTooLargeIsNoNumber) {
  // 1e25² is no float: a factor of 1/√∞ would make zeros of the row, and its neighbours are sound.
  for (float large : {1e25f, 3e38f, INFINITY, poison}) {
    std::vector<float> x(3 * 96, 0.5f), scale(96, 2.0f), y(x.size(), 1.0f);
    x[96 + 40] = large;
    ThreadPool threads(1);
    run_row(path(), NormArgs{.x = x.data(),
                             .scale = scale.data(),
                             .y = y.data(),
                             .width = 96,
                             .tokens = 3,
                             .eps = 1e-5f,
                             .threads = &threads});
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i / 96 == 1) << large << " at " << i;
  }
}

TEST_P(Norm, WorksWhereverTheArraysStart) {
  Random random(5);
  const int64_t width = 96, tokens = 70;
  const std::vector<float> x = activations(random, width * tokens, false), scale = activations(random, width, false),
                           y = run(path(), x, scale, 1);
  std::vector<float> moved_x(x.size() + 1), moved_scale(scale.size() + 2), moved_y(x.size() + 3, poison);
  std::ranges::copy(x, moved_x.begin() + 1), std::ranges::copy(scale, moved_scale.begin() + 2);
  ThreadPool pool(1);
  run_row(path(), NormArgs{moved_x.data() + 1, moved_scale.data() + 2, moved_y.data() + 3, width,
                           static_cast<int>(tokens), 1e-5f, &pool});
  for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(moved_y[i + 3], y[i], 1e-5 * std::fabs(y[i])) << i;
}

TEST_P(Norm, WorksInPlace) {
  const std::vector<float> scale = {1, 2, 3, 4};
  std::vector<float> x = {3, -3, 3, -3};
  ThreadPool pool(1);
  run_row(path(), NormArgs{x.data(), scale.data(), x.data(), 4, 1, 0.0f, &pool});
  EXPECT_EQ(x, (std::vector<float>{1, -2, 3, -4}));
}

INSTANTIATE_TEST_SUITE_P(Rows, Norm, testing::ValuesIn(rows_of({Op::norm})), test_name);

}  // namespace
}  // namespace mxpath
