// The self-check of the products of the experts: exactly for every count and every element, then a random problem.
#include <algorithm>
#include <numeric>

#include "kernels/router/router.h"
#include "kernels/row_products/check_products.h"

namespace mxpath {
namespace {

/// Every third token to expert 1, the rest to 0, a second choice to 2: expert 3 stays empty.
struct KnownRouting {
  std::vector<int32_t> expert, first, order;
  std::vector<float> weight;
  ExpertBatches batches;
  KnownRouting(int tokens, int choices) {
    for (int t = 0; t < tokens; ++t)
      for (int c = 0; c < choices; ++c) expert.push_back(c ? 2 : t % 3 == 1), weight.push_back(c ? 0.25f : 0.5f);
    first.resize(5), order.resize(expert.size());
    group_by_expert(expert.data(), std::ssize(expert), 4, first.data(), order.data());
    batches = {4, choices, tokens, first.data(), order.data(), weight.data()};
  }
};

struct MoeProblem {
  bool down;
  int choices;
  int64_t n, k;
  KnownMatrix w;
  std::vector<float> x, bias;
  std::vector<int64_t> terms;  // of each row of inputs, that are not zero
  MoeProblem(Subject& s, bool exact, int64_t rows, int tokens)
      : down(s.path.op == Op::moe_down),
        choices(std::min(s.site.experts_per_token, 2)),
        n(rows),
        k(s.site.k),
        w(known_matrix(s.layout, 4, n, k, exact, s.random)),
        x(known_inputs(static_cast<size_t>(tokens * (down ? choices : 1) * k), exact, s.random)),
        bias(known_inputs(static_cast<size_t>(4 * n), exact, s.random)),
        terms(static_cast<size_t>(tokens * (down ? choices : 1)), k) {}
  void make_kinds(Subject& s, const KnownRouting& routing, int64_t shift) {
    for (int64_t i = 0; i < std::ssize(terms); ++i)
      terms[static_cast<size_t>(i)] =
          make_kind(kind_of(i, shift), s.path.arithmetic,
                    std::span(x).subspan(static_cast<size_t>(i * k), static_cast<size_t>(k)),
                    weights(routing.expert[static_cast<size_t>(down ? i : i * choices)], i % n), s.random);
  }
  int64_t input_of(int64_t pair) const { return down ? pair : pair / choices; }
  const float* input(int64_t pair) const { return &x[static_cast<size_t>(input_of(pair) * k)]; }
  const float* weights(int64_t expert, int64_t row) const {
    return &w.values[static_cast<size_t>((expert * n + row) * k)];
  }
  double bias_of(int64_t expert, int64_t row) const { return bias[static_cast<size_t>(expert * n + row)]; }
};

std::vector<float> run_moe(Subject& s, Comparison& out, const MoeProblem& p, const KnownRouting& routing,
                           ThreadPool& threads) {
  const int64_t tokens = routing.batches.tokens, pairs = tokens * p.choices;
  std::vector<float> y(static_cast<size_t>((p.down ? tokens : pairs) * p.n),
                       p.down ? 1.0f : poison);  // down adds to the residual
  MoeMatmulArgs args{.weights = &p.w.packed,
                     .bias = p.bias.data(),
                     .x = p.x.data(),
                     .y = y.data(),
                     .batches = &routing.batches,
                     .threads = &threads};
  Buffer scratch = scratch_of(scratch_bytes(s.path, args, threads.size()));
  args.scratch = scratch.data();
  call(s, out, args);
  return y;
}

/// One row of outputs of each of these tokens alone; bounds of 0 where all is exact.
void compare_moe(Subject& s, const MoeProblem& p, const KnownRouting& routing, bool exact,
                 const std::vector<int>& tokens, int64_t row, const std::vector<float>& y, Comparison& out) {
  for (int t : tokens) {
    double sum = 1, magnitude = 1, bound = 0;  // of a down product, onto a residual of 1
    for (int c = 0; c < p.choices; ++c) {
      const int64_t pair = int64_t{t} * p.choices + c, e = routing.expert[static_cast<size_t>(pair)];
      const Allowed one = allowed(s, p.input(pair), p.weights(e, row), p.k, p.bias_of(e, row),
                                  p.terms[static_cast<size_t>(p.input_of(pair))]);
      if (!p.down) out.compare(one.value, exact ? 0 : one.bound, y[static_cast<size_t>(pair * p.n + row)], pair, row);
      const double weight = routing.weight[static_cast<size_t>(pair)];
      sum += weight * one.value, magnitude += weight * (one.magnitude + one.bound), bound += weight * one.bound;
    }
    // Each expert's result meets a product with its weight and the additions of the experts.
    bound += sum_bound(magnitude, p.choices + 3);
    if (p.down) out.compare(sum, exact ? 0 : bound, y[static_cast<size_t>(t * p.n + row)], t, row);
  }
}

/// Σ over the experts of what each makes of its tokens, and the residual of 1 below a down product; against Σ over the
/// results.
bool moe_sums_agree(const MoeProblem& p, const KnownRouting& routing, const std::vector<double>& factors,
                    const std::vector<WeightedSum>& sums, int64_t row, const std::vector<float>& y) {
  double expected = 0, got[4] = {}, residual = 0;
  const int64_t tokens = routing.batches.tokens, pairs = tokens * p.choices;
  for (int64_t o = 0; o < (p.down ? tokens : pairs); ++o) {
    const double factor = factors[static_cast<size_t>(o)];
    got[p.down ? 0 : routing.expert[static_cast<size_t>(o)]] +=
        factor * static_cast<double>(y[static_cast<size_t>(o * p.n + row)]);
    residual += factor;
  }
  for (int e = 0; e < 3; ++e) {
    const double part = sums[static_cast<size_t>(e)].times(p.weights(e, row), p.bias_of(e, row));
    expected += part;
    if (!p.down && !(part == got[e])) return false;
  }
  return !p.down || expected + residual == got[0];
}

void check_moe_exactly(Subject& s, Comparison& out) {
  const MoeProblem p(s, true, rows_for(s.path, exact_rows), s.counts.back());
  const std::vector<double> factors =
      random_factors(static_cast<size_t>(s.counts.back() * (p.down ? 1 : p.choices)), s.random);
  ThreadPool alone(1);
  std::vector<WeightedSum> sums(3, WeightedSum(p.k));
  int64_t summed = 0;
  for (int tokens : s.counts) {
    const KnownRouting routing(tokens, p.choices);
    const auto y = run_moe(s, out, p, routing, alone);
    for (; summed < int64_t{tokens} * p.choices; ++summed) {
      const auto pair = static_cast<size_t>(summed);
      const double factor = factors[p.down ? pair / static_cast<size_t>(p.choices) : pair];
      sums[static_cast<size_t>(routing.expert[pair])].add(
          p.down ? factor * static_cast<double>(routing.weight[pair]) : factor, p.input(summed));
    }
    std::vector<int> all(static_cast<size_t>(tokens));
    std::iota(all.begin(), all.end(), 0);
    for (int64_t row = 0; row < p.n; ++row)
      if (!moe_sums_agree(p, routing, factors, sums, row, y)) compare_moe(s, p, routing, true, all, row, y, out);
    s.work += static_cast<uint64_t>(p.n * (3 * p.k + std::ssize(routing.expert)));
  }
  s.work += static_cast<uint64_t>(summed * p.k);
}

void check_moe_randomly(Subject& s, int tokens, Comparison& out) {
  MoeProblem p(s, false, rows_for(s.path, random_rows), tokens);
  const KnownRouting routing(tokens, p.choices);
  for (int64_t shift = 0; shift < kinds_in_turn(tokens); ++shift) {
    p.make_kinds(s, routing, shift);
    const auto y = run_moe(s, out, p, routing, s.threads);
    for (int64_t row = 0; row < p.n; ++row) compare_moe(s, p, routing, false, sampled_tokens(tokens), row, y, out);
  }
}

}  // namespace

void check_moe(Subject& s, Comparison& out) {
  check_moe_exactly(s, out);
  for (int tokens : random_counts(s.counts)) check_moe_randomly(s, tokens, out);
}

}  // namespace mxpath
