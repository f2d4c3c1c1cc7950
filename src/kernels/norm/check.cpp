// The self-check of the norm: every element of every token, inside a derived bound.
#include <cmath>

#include "kernels/self_check_subject.h"

namespace mxpath {
namespace {

void check_norm_once(Subject& s, int tokens, Comparison& out) {
  const int64_t n = s.site.n;
  const auto x = known_inputs(static_cast<size_t>(tokens * n), false, s.random),
             scale = known_inputs(static_cast<size_t>(n), false, s.random);
  std::vector<float> y(x.size(), poison);
  call(s, out,
       NormArgs{.x = x.data(),
                .scale = scale.data(),
                .y = y.data(),
                .width = n,
                .tokens = tokens,
                .eps = s.config.norm_eps,
                .threads = &s.threads});
  // Half of what the mean of the squares may be wrong by, its root, and two products.
  const double relative = sum_bound(1, n + 8) / 2 + sum_bound(1, 8);
  for (int t = 0; t < tokens; ++t) {
    const float* row = &x[static_cast<size_t>(t * n)];
    const double factor = 1 / std::sqrt(exact_dot(row, row, n).sum / static_cast<double>(n) + s.config.norm_eps);
    for (int64_t i = 0; i < n; ++i)
      out.compare(row[i] * factor * scale[static_cast<size_t>(i)], relative * std::abs(row[i] * factor) + 1e-30,
                  y[static_cast<size_t>(t * n + i)], t, i);
  }
}

}  // namespace

void check_norm(Subject& s, Comparison& out) { check_each_count(s, 129, check_norm_once, out); }

}  // namespace mxpath
