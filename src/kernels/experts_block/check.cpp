// The self-check of rows that gate the product of the experts in its own loop: all of h against what exact numbers make of it. Norm
// and router are the portable rows, whose results the product is given; down is not looked at, because it runs as a row of its own.
#include <algorithm>
#include <cmath>

#include "kernels/catalogue.h"
#include "kernels/experts_block/experts_block.h"
#include "kernels/row_products/check_products.h"
#include "plan/block.h"

namespace mxpath {
namespace {

constexpr int experts = 4, choices = 2;
constexpr int64_t gates = 37;  // 74 rows of gate and up: four groups of 16 and a ragged one
constexpr int64_t widest = 544;  // two slabs of columns and a ragged one; every token is looked at, and that costs

const KernelPath& portable(Op op) {
  const auto found = std::ranges::find_if(
      catalogue().paths, [&](const KernelPath* path) { return path->op == op && path->device == DeviceKind::cpu && is_floor(*path); });
  return **found;
}

/// A block as wide as the model's, up to some width, with few experts and gates.
struct BlockProblem {
  int tokens;
  int64_t hidden;
  KnownMatrix router, gate_up, down;
  std::vector<float> x, scale, router_bias, bias, down_bias;
  std::vector<float> t, logits, weight, u, h, y;
  std::vector<int32_t> expert, first, order;
  ExpertBatches batches;
  Buffer scratch;

  BlockProblem(Subject& s, Layout layout, int count)
      : tokens(count),
        hidden(std::min<int64_t>(s.config.hidden, widest)),
        router(known_matrix(Layout::bf16_rows, 1, experts, hidden, false, s.random)),
        gate_up(known_matrix(layout, experts, 2 * gates, hidden, false, s.random)),
        down(known_matrix(Layout::bf16_rows, experts, 3, gates, false, s.random)),
        x(known_inputs(size(hidden), false, s.random)),
        scale(known_inputs(static_cast<size_t>(hidden), false, s.random)),
        router_bias(known_inputs(experts, false, s.random)),
        bias(known_inputs(experts * 2 * gates, false, s.random)),
        down_bias(known_inputs(experts * 3, false, s.random)),
        t(size(hidden), poison),
        logits(size(experts), poison),
        weight(size(choices), poison),
        u(size(choices * 2 * gates), poison),
        h(size(choices * gates), poison),
        y(size(3)),
        expert(size(choices)),
        first(experts + 1),
        order(size(choices)),
        batches{experts, choices, tokens, first.data(), order.data(), weight.data()},
        scratch(scratch_of(moe_scratch_bytes(int64_t{tokens} * choices, std::max(hidden, gates), s.threads.size()))) {}

  size_t size(int64_t width) const { return static_cast<size_t>(tokens * width); }

  ExpertsBlockArgs args(Subject& s) {
    return {.norm = {&portable(Op::norm),
                     {.x = x.data(), .scale = scale.data(), .y = t.data(), .width = hidden, .tokens = tokens, .threads = &s.threads}},
            .router = {&portable(Op::router),
                       {.weights = &router.packed,
                        .bias = router_bias.data(),
                        .x = t.data(),
                        .tokens = tokens,
                        .experts_per_token = choices,
                        .logits = logits.data(),
                        .expert = expert.data(),
                        .weight = weight.data(),
                        .first = first.data(),
                        .order = order.data(),
                        .threads = &s.threads}},
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
            .down = {&portable(Op::moe_down),
                     {.weights = &down.packed,
                      .bias = down_bias.data(),
                      .x = h.data(),
                      .y = y.data(),
                      .batches = &batches,
                      .scratch = scratch.data(),
                      .threads = &s.threads}}};
  }
};

/// h of exact sums, and how far that of sums within their bounds may be from it. Neither gate · sigmoid(alpha · gate) nor its slope is
/// steeper than 1.1 for any alpha of 1 and more, and it is no larger than the gate.
Allowed gated(const Subject& s, const Allowed& gate, const Allowed& up) {
  const double limit = s.config.swiglu_limit, alpha = s.config.swiglu_alpha;
  const double g = std::min(gate.value, limit), v = std::clamp(up.value, -limit, limit) + 1;
  const double value = g / (1 + std::exp(-alpha * g)) * v;
  const double largest = std::abs(g) + gate.bound, exponential = std::expm1(sum_bound(alpha * largest, 4)) + sum_bound(1, 16);
  const double carried = 1.1 * gate.bound * (std::abs(v) + up.bound) + largest * up.bound;
  return {value, carried + exponential * (std::abs(value) + carried) + 1e-30, std::abs(value)};
}

void check_block_once(Subject& s, int tokens, Comparison& out) {
  const FusedPart* product = fused_part(s.path, SiteId::gate_up);
  if (!product) return;
  BlockProblem p(s, product->layout, tokens);
  call(s, out, p.args(s));
  if (!out.finding.empty()) return;
  for (int token = 0; token < tokens; ++token)
    for (int c = 0; c < choices; ++c) {
      const int64_t pair = int64_t{token} * choices + c, e = p.expert[static_cast<size_t>(pair)];
      const float* x = &p.t[static_cast<size_t>(token * p.hidden)];
      for (int64_t i = 0; i < gates; ++i) {
        const auto sum = [&](int64_t row) {
          const int64_t at = e * 2 * gates + row;
          return allowed(s, x, &p.gate_up.values[static_cast<size_t>(at * p.hidden)], p.hidden, p.bias[static_cast<size_t>(at)], p.hidden);
        };
        const Allowed h = gated(s, sum(2 * i), sum(2 * i + 1));
        out.compare(h.value, h.bound, p.h[static_cast<size_t>(pair * gates + i)], pair, i);
      }
    }
}

}  // namespace

void check_experts_block(Subject& s, Comparison& out) {
  if (s.path.fuses.empty()) return;  // the composite row computes nothing itself
  std::vector<int> counts = random_counts(s.counts);
  if (counts.back() != s.counts.back()) counts.push_back(s.counts.back());
  for (const int tokens : counts) check_block_once(s, tokens, out);
}

}  // namespace mxpath
