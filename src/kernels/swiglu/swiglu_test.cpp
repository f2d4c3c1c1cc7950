#include "kernels/swiglu/swiglu.h"

#include <algorithm>

#include "kernels/simd/exp.h"
#include "kernels/test_rows.h"

namespace mxpath {
namespace {

TEST(ExpTest, StaysWithinTwoUlp) {
  double worst = 0;
  for (float x = -87.33f; x < 88.36f; x += 0.00137f) {
    const double want = std::exp(double(x)), ulp = std::ldexp(1.0, std::max(std::ilogb(want), -126) - 23);
    worst = std::max(worst, std::fabs(exp_f32(x) - want) / ulp);
  }
  EXPECT_LE(worst, 2.0);
  EXPECT_GT(worst, 0.1);
}

TEST(ExpTest, HandlesTheEnds) {
  EXPECT_EQ(exp_f32(0), 1.0f);
  EXPECT_EQ(exp_f32(-0.0f), 1.0f);
  EXPECT_EQ(exp_f32(-87.34f), 0.0f);
  EXPECT_EQ(exp_f32(-INFINITY), 0.0f);
  EXPECT_EQ(exp_f32(-3e38f), 0.0f);
  EXPECT_GT(exp_f32(1000.0f), 1e38f);
  EXPECT_TRUE(std::isfinite(exp_f32(INFINITY)));
  EXPECT_TRUE(std::isnan(exp_f32(poison)));
}

class Swiglu : public RowTest {
 protected:
  std::vector<float> run(const std::vector<float>& u, int64_t rows, int threads = 1) {
    ThreadPool pool(threads);
    std::vector<float> h(u.size() / 2, poison);
    run_row(path(), SwigluArgs{u.data(), h.data(), rows, static_cast<int64_t>(h.size()) / rows, 7.0f, 1.702f, &pool});
    return h;
  }
};

TEST_P(Swiglu, ReproducesTheReferenceValues) {
  // gate, up → h, worked out by hand.
  const std::vector<float> u = {1, 0, 1, 1, -1, 1, 2.5f, -.5f, -3, 2, 7, 7, 10, 10, 10, -10, .5f, -1, 100, 0};
  const double want[] = {0.8457957659, 1.691591532, -0.3084084681, 1.232506917, -0.05421392912,
                         55.99962503,  55.99962503, -41.99971877,  0,           6.999953128};
  const std::vector<float> h = run(u, 1);
  for (size_t i = 0; i < h.size(); ++i) EXPECT_NEAR(h[i], want[i], 4e-7 * std::fabs(want[i]) + 1e-12) << i;
}

TEST_P(Swiglu, StaysWithinTheBoundOfItsArithmetic) {
  Random random(1);
  for (int64_t width : {1, 7, 8, 16, 31, 2880}) {
    std::vector<float> u(static_cast<size_t>(3 * 2 * width));
    for (float& x : u) x = static_cast<float>(random.uniform(-20, 12));
    const std::vector<float> h = run(u, 3), split = run(u, 3, 3);
    EXPECT_TRUE(same_bits(h, split)) << first_difference(h, split);
    for (size_t i = 0; i < h.size(); ++i) {
      const double gate = std::min(double(u[2 * i]), 7.0), up = std::clamp(double(u[2 * i + 1]), -7.0, 7.0);
      const double want = gate / (1 + std::exp(-1.702 * gate)) * (up + 1);
      // The exponent carries a rounding of 1.702 · gate, which grows with it.
      ASSERT_NEAR(h[i], want,
                  std::fabs(want) * std::ldexp(10 + 2 * std::fabs(gate), -24) + std::ldexp(std::fabs(gate), -24))
          << gate << ", " << up;
    }
  }
}

TEST_P(Swiglu, LeavesANanANan) {
  // The limits are for numbers: a NaN that became 7 would be lost among them.
  for (size_t at = 0; at < 2 * 37; ++at) {
    std::vector<float> u(2 * 37, 1.0f);
    u[at] = poison;
    const std::vector<float> h = run(u, 1);
    for (size_t i = 0; i < h.size(); ++i)
      ASSERT_EQ(std::isnan(h[i]), i == at / 2) << "NaN at " << at << ", result " << i;
  }
}

TEST_P(Swiglu, WorksWhereverTheArraysStart) {
  Random random(2);
  std::vector<float> u(2 * 300);
  for (float& x : u) x = static_cast<float>(random.uniform(-20, 12));
  const std::vector<float> h = run(u, 5);
  std::vector<float> moved_u(u.size() + 2), moved_h(h.size() + 1, poison);
  std::ranges::copy(u, moved_u.begin() + 2);
  ThreadPool pool(1);
  run_row(path(), SwigluArgs{moved_u.data() + 2, moved_h.data() + 1, 5, 60, 7.0f, 1.702f, &pool});
  for (size_t i = 0; i < h.size(); ++i) ASSERT_NEAR(moved_h[i + 1], h[i], 1e-6 * (1 + std::fabs(h[i]))) << i;
}

INSTANTIATE_TEST_SUITE_P(Rows, Swiglu, testing::ValuesIn(rows_of({Op::swiglu})), test_name);

}  // namespace
}  // namespace mxpath
