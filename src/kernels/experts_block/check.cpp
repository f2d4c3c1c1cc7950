// The self-check of rows that gate the product of the experts in its own loop: all of h for tokens that lie where the
// norm and the router would have put them. These are rows that do nothing here, as down is: each runs as a row of its
// own and is proven as one. The sums of the product are exact, so that nothing but the activation is rounded.
#include <algorithm>
#include <cmath>

#include "kernels/experts_block/experts_block.h"
#include "kernels/row_products/check_products.h"
#include "kernels/scratch.h"
#include "plan/block.h"

namespace mxpath {
namespace {

constexpr int experts = 4, choices = 2;
constexpr int64_t gates = 37;    // 74 rows of gate and up: four groups of 16 and a ragged one
constexpr int64_t widest = 544;  // two slabs of columns and a ragged one; every token is looked at, and that costs

constexpr KernelPath no_norm{.op = Op::norm, .run = [](const NormArgs&) {}},
    no_router{.op = Op::router, .run = [](const RouterArgs&) {}},
    no_down{.op = Op::moe_down, .run = [](const MoeMatmulArgs&) {}};

/// Normed tokens as wide as the model's, up to some width, with few experts and gates.
struct BlockProblem {
  int tokens;
  int64_t hidden;
  KnownMatrix gate_up;
  std::vector<float> t, bias, u, h;
  std::vector<int32_t> expert, first, order;
  ExpertBatches batches;
  Buffer scratch;

  BlockProblem(Subject& s, Layout layout, int count)
      : tokens(count),
        hidden(std::min<int64_t>(s.config.hidden, widest)),
        gate_up(known_matrix(layout, experts, 2 * gates, hidden, true, s.random)),
        t(known_inputs(static_cast<size_t>(tokens * hidden), true, s.random)),
        bias(known_inputs(experts * 2 * gates, true, s.random)),
        u(static_cast<size_t>(tokens * choices * 2 * gates), poison),
        h(static_cast<size_t>(tokens * choices * gates), poison),
        first(experts + 1),
        order(static_cast<size_t>(tokens * choices)) {
    scale_sums();
    // Every third token to expert 1, the rest to 0, a second choice to 2: expert 3 stays empty.
    for (int token = 0; token < tokens; ++token) expert.insert(expert.end(), {token % 3 == 1, 2});
    group_by_expert(expert.data(), std::ssize(expert), experts, first.data(), order.data());
    batches = {experts, choices, tokens, first.data(), order.data(), nullptr};
    scratch = scratch_of(scratch_bytes(s.path, args(s), s.threads.size()));
  }

  const float* input(int64_t token) const { return &t[static_cast<size_t>(token * hidden)]; }
  const float* weights(int64_t row) const { return &gate_up.values[static_cast<size_t>(row * hidden)]; }

  /// A power of two for the inputs: sums around 2 are where the activation neither vanishes nor is cut off. It rounds
  /// nothing.
  void scale_sums() {
    double squares = 0;
    for (int64_t row = 0; row < 2 * gates; ++row) squares += std::pow(exact_dot(input(0), weights(row), hidden).sum, 2);
    const int exponent = squares > 0 ? 1 - std::ilogb(std::sqrt(squares / (2 * gates))) : 0;
    for (float& value : t) value = std::ldexp(value, exponent);
  }

  ExpertsBlockArgs args(Subject& s) {
    return {.norm = {&no_norm, {}},
            .router = {&no_router, {}},
            .gate_up = {nullptr,
                        {.weights = &gate_up.packed,
                         .bias = bias.data(),
                         .x = t.data(),
                         .y = u.data(),
                         .batches = &batches,
                         .scratch = scratch.data(),
                         .threads = &s.threads}},
            .swiglu = {nullptr,
                       {.u = u.data(),
                        .h = h.data(),
                        .rows = int64_t{tokens} * choices,
                        .width = gates,
                        .limit = s.config.swiglu_limit,
                        .alpha = s.config.swiglu_alpha,
                        .threads = &s.threads}},
            .down = {&no_down, {}}};
  }
};

/// As the self-check of swiglu has it: rounding alpha * gate makes the exponential relatively wrong; six more
/// operations, the exponential within 2 ulp.
void compare_gated(const Subject& s, double gate, double up, float got, int64_t pair, int64_t i, Comparison& out) {
  const double limit = s.config.swiglu_limit, alpha = s.config.swiglu_alpha, g = std::min(gate, limit);
  const double expected = g / (1 + std::exp(-alpha * g)) * (std::clamp(up, -limit, limit) + 1);
  const double bound = std::expm1(sum_bound(std::abs(alpha * g), 4)) + sum_bound(1, 16);
  out.compare(expected, bound * std::abs(expected) + 1e-30, got, pair, i);
}

void check_block_once(Subject& s, int tokens, Comparison& out) {
  const FusedPart* product = fused_part(s.path, SiteId::gate_up);
  if (!product) return;
  BlockProblem p(s, product->layout, tokens);
  call(s, out, p.args(s));
  for (int64_t pair = 0; pair < int64_t{tokens} * choices; ++pair) {
    const int64_t first_row = p.expert[static_cast<size_t>(pair)] * 2 * gates;
    const auto sum = [&](int64_t row) {
      return exact_dot(p.input(pair / choices), p.weights(row), p.hidden).sum +
             static_cast<double>(p.bias[static_cast<size_t>(row)]);
    };
    for (int64_t i = 0; i < gates; ++i)
      compare_gated(s, sum(first_row + 2 * i), sum(first_row + 2 * i + 1), p.h[static_cast<size_t>(pair * gates + i)],
                    pair, i, out);
  }
  s.work += static_cast<uint64_t>(int64_t{tokens} * choices * 2 * gates * p.hidden);
}

}  // namespace

void check_experts_block(Subject& s, Comparison& out) {
  if (only_calls_others(s.path)) return;
  std::vector<int> counts = random_counts(s.counts);
  if (counts.back() != s.counts.back()) counts.push_back(s.counts.back());
  for (const int tokens : counts) check_block_once(s, tokens, out);
}

}  // namespace mxpath
