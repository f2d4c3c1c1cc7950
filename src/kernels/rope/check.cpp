// The self-check of the rotary embedding: every pair of every head.
#include <algorithm>
#include <cmath>

#include "kernels/self_check_subject.h"

namespace mxpath {
namespace {

void check_rope_once(Subject& s, int tokens, Comparison& out) {
  const int d = s.site.head_dim, half = d / 2, heads = std::min(s.site.heads, 3);
  const RopeTable table = make_rope_table(s.config.rope, d);
  const auto before = known_inputs(static_cast<size_t>(tokens * heads * d), false, s.random);
  auto x = before;
  std::vector<int32_t> positions;
  for (int t = 0; t < tokens; ++t) positions.push_back(977 * t % 4000);
  call(s, out,
       RopeArgs{.x = x.data(),
                .x_stride = heads * d,
                .positions = positions.data(),
                .inverse_frequency = table.inverse_frequency.data(),
                .attention_factor = table.attention_factor,
                .tokens = tokens,
                .heads = heads,
                .head_dim = d,
                .threads = &s.threads});
  for (int t = 0; t < tokens; ++t)
    for (int h = 0; h < heads; ++h)
      for (int i = 0; i < half; ++i) {
        const size_t at = static_cast<size_t>((t * heads + h) * d + i), pair = at + static_cast<size_t>(half);
        // Cosine, sine and factor are rounded, then two products and a difference: each to FP32, each time at most 2
        // ulp.
        const double bound = sum_bound(2 * std::abs(table.attention_factor), 16);
        const double angle = positions[static_cast<size_t>(t)] * table.inverse_frequency[static_cast<size_t>(i)],
                     c = table.attention_factor * std::cos(angle), sn = table.attention_factor * std::sin(angle);
        out.compare(before[at] * c - before[pair] * sn, bound, x[at], t, h * d + i);
        out.compare(before[pair] * c + before[at] * sn, bound, x[pair], t, h * d + i + half);
      }
}

}  // namespace

void check_rope(Subject& s, Comparison& out) { check_each_count(s, 129, check_rope_once, out); }

}  // namespace mxpath
