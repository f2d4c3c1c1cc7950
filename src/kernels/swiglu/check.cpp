// The self-check of the gated activation: every element, on both sides of the clamp.
#include <algorithm>
#include <cmath>

#include "kernels/self_check_subject.h"

namespace mxpath {
namespace {

void check_swiglu_once(Subject& s, int tokens, Comparison& out) {
  const int64_t width = std::min<int64_t>(s.site.n, 269), rows = tokens;  // ragged for every vector
  auto u = known_inputs(static_cast<size_t>(2 * rows * width), false, s.random);
  for (float& value : u) value *= 10;  // beyond the clamp on both sides
  std::vector<float> h(static_cast<size_t>(rows * width), poison);
  call(s, out,
       SwigluArgs{.u = u.data(),
                  .h = h.data(),
                  .rows = rows,
                  .width = width,
                  .limit = s.config.swiglu_limit,
                  .alpha = s.config.swiglu_alpha,
                  .threads = &s.threads});
  for (size_t j = 0; j < h.size(); ++j) {
    const double limit = s.config.swiglu_limit, gate = std::min<double>(u[2 * j], limit),
                 up = std::clamp<double>(u[2 * j + 1], -limit, limit);
    const double expected = gate / (1 + std::exp(-s.config.swiglu_alpha * gate)) * (up + 1);
    // What rounding alpha * gate does the exponential makes relative; six more operations, the exponential within 2
    // ulp.
    const double bound = std::expm1(sum_bound(std::abs(s.config.swiglu_alpha * gate), 4)) + sum_bound(1, 16);
    out.compare(expected, bound * std::abs(expected) + 1e-30, h[j], static_cast<int64_t>(j) / width,
                static_cast<int64_t>(j) % width);
  }
}

}  // namespace

void check_swiglu(Subject& s, Comparison& out) { check_each_count(s, 129, check_swiglu_once, out); }

}  // namespace mxpath
