// The self-check of matrix products. Of an exact problem every element of every token counts, at the price of one dot product an output
// row: what is compared is the sum over all tokens, each times a random integer of its own (Freivalds 1979), which no rounding blurs. Rows
// of outputs are compared one by one, so that they need no factors.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/linear/linear.h"
#include "kernels/router/router.h"
#include "kernels/self_check_subject.h"

namespace mxpath {
namespace {

constexpr int64_t exact_rows = 69;   // four tiles of 16 rows and a ragged one: the widest step of any CPU row, and its rest
constexpr int64_t random_rows = 37;  // two tiles and a ragged one
constexpr int most_random_tokens = 17;

int64_t rows_for(const KernelPath& path, int64_t rows) {
  return (rows + path.needs.n_multiple - 1) / path.needs.n_multiple * path.needs.n_multiple;
}

/// Σ f x over some rows of activations, and Σ f.
struct WeightedSum {
  std::vector<double> x;
  double factors = 0;
  explicit WeightedSum(int64_t k) : x(static_cast<size_t>(k)) {}
  void add(double factor, const float* row) {
    factors += factor;
    for (size_t i = 0; i < x.size(); ++i) x[i] += factor * static_cast<double>(row[i]);
  }
  /// What a row of weights and its bias make of it.
  double times(const float* w, double bias) const {
    double sums[8] = {};
    size_t i = 0;
    for (; i + 8 <= x.size(); i += 8)
      for (size_t j = 0; j < 8; ++j) sums[j] += x[i + j] * static_cast<double>(w[i + j]);
    for (; i < x.size(); ++i) sums[0] += x[i] * static_cast<double>(w[i]);
    return factors * bias + ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
  }
};

/// The least count, and the largest that is cheap enough for dot products of each token alone.
std::vector<int> random_counts(const std::vector<int>& counts) {
  std::vector<int> few{counts.front()};
  const auto beyond = std::ranges::upper_bound(counts, most_random_tokens);
  if (beyond != counts.begin() && beyond[-1] != few.front()) few.push_back(beyond[-1]);
  return few;
}

struct LinearProblem {
  int64_t n, k;
  KnownMatrix w;
  std::vector<float> x, bias;
  std::vector<int64_t> terms;  // of each token, that are not zero
  LinearProblem(Subject& s, bool exact, int64_t rows, int tokens)
      : n(rows),
        k(s.site.k),
        w(known_matrix(s.layout, 1, n, k, exact, s.random)),
        x(known_inputs(static_cast<size_t>(tokens * k), exact, s.random)),
        bias(known_inputs(static_cast<size_t>(n), exact, s.random)),
        terms(static_cast<size_t>(tokens), k) {}
  void make_kinds(Subject& s, int64_t shift) {
    for (int64_t t = 0; t < std::ssize(terms); ++t)
      terms[static_cast<size_t>(t)] =
          make_kind(kind_of(t, shift), s.path.arithmetic, std::span(x).subspan(static_cast<size_t>(t * k), static_cast<size_t>(k)),
                    weights(t % n), s.random);
  }
  const float* input(int64_t token) const { return &x[static_cast<size_t>(token * k)]; }
  const float* weights(int64_t row) const { return &w.values[static_cast<size_t>(row * k)]; }
};

/// What one dot product may be, bias and all.
struct Allowed {
  double value, bound, magnitude;
};
Allowed allowed(Subject& s, const float* x, const float* w, int64_t k, double bias, int64_t terms) {
  const DotProduct dot = exact_dot(x, w, k);
  s.work += static_cast<uint64_t>(k);
  const Arithmetic arithmetic = s.path.arithmetic;
  const double quantised = arithmetic == Arithmetic::int8_dynamic ? quantised_magnitude(x, w, k) : 0;
  return {dot.sum + bias, dot_bound(arithmetic, dot.magnitude, terms, std::abs(bias), quantised), dot.magnitude + std::abs(bias)};
}

/// add: onto what is there, and without a bias.
std::vector<float> run_linear(Subject& s, Comparison& out, const LinearProblem& p, int tokens, bool add, ThreadPool& threads) {
  std::vector<float> y(static_cast<size_t>(tokens * p.n), add ? 1.0f : poison);
  Buffer scratch = scratch_of(linear_scratch_bytes(tokens, p.k, threads.size()));
  call(s, out,
       LinearArgs{.weights = &p.w.packed,
                  .bias = add ? nullptr : p.bias.data(),
                  .x = p.x.data(),
                  .x_stride = p.k,
                  .y = y.data(),
                  .y_stride = p.n,
                  .tokens = tokens,
                  .accumulate = add,
                  .scratch = scratch.data(),
                  .threads = &threads});
  return y;
}

/// One thread, so that the steps over many rows are taken too; with all threads the random problem is solved.
void check_linear_exactly(Subject& s, Comparison& out) {
  const LinearProblem p(s, true, rows_for(s.path, exact_rows), s.counts.back());
  const std::vector<double> factors = random_factors(static_cast<size_t>(s.counts.back()), s.random);
  ThreadPool alone(1);
  WeightedSum sum(p.k);
  size_t summed = 0;
  for (int tokens : s.counts) {
    const bool add = tokens % 2 != 0;
    const auto y = run_linear(s, out, p, tokens, add, alone);
    for (; summed < static_cast<size_t>(tokens); ++summed) sum.add(factors[summed], p.input(static_cast<int64_t>(summed)));
    for (int64_t row = 0; row < p.n; ++row) {
      const double start = add ? 1 : p.bias[static_cast<size_t>(row)];
      double got = 0;
      for (int64_t t = 0; t < tokens; ++t)
        got += factors[static_cast<size_t>(t)] * static_cast<double>(y[static_cast<size_t>(t * p.n + row)]);
      if (got == sum.times(p.weights(row), start)) continue;
      for (int64_t t = 0; t < tokens; ++t)
        out.compare(exact_dot(p.input(t), p.weights(row), p.k).sum + start, 0, y[static_cast<size_t>(t * p.n + row)], t, row);
    }
    s.work += static_cast<uint64_t>(p.n * (p.k + tokens));
  }
  s.work += summed * static_cast<uint64_t>(p.k);
}

/// A call of one token shows one kind of token at a time.
int64_t kinds_in_turn(int tokens) { return tokens == 1 ? 3 : 1; }

void check_linear_randomly(Subject& s, int tokens, Comparison& out) {
  LinearProblem p(s, false, rows_for(s.path, random_rows), tokens);
  for (int64_t shift = 0; shift < kinds_in_turn(tokens); ++shift) {
    p.make_kinds(s, shift);
    const auto y = run_linear(s, out, p, tokens, false, s.threads);
    for (int t : sampled_tokens(tokens))
      for (int64_t row = 0; row < p.n; ++row) {
        const Allowed one = allowed(s, p.input(t), p.weights(row), p.k, p.bias[static_cast<size_t>(row)], p.terms[static_cast<size_t>(t)]);
        out.compare(one.value, one.bound, y[static_cast<size_t>(t * p.n + row)], t, row);
      }
  }
}

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
          make_kind(kind_of(i, shift), s.path.arithmetic, std::span(x).subspan(static_cast<size_t>(i * k), static_cast<size_t>(k)),
                    weights(routing.expert[static_cast<size_t>(down ? i : i * choices)], i % n), s.random);
  }
  int64_t input_of(int64_t pair) const { return down ? pair : pair / choices; }
  const float* input(int64_t pair) const { return &x[static_cast<size_t>(input_of(pair) * k)]; }
  const float* weights(int64_t expert, int64_t row) const { return &w.values[static_cast<size_t>((expert * n + row) * k)]; }
  double bias_of(int64_t expert, int64_t row) const { return bias[static_cast<size_t>(expert * n + row)]; }
};

std::vector<float> run_moe(Subject& s, Comparison& out, const MoeProblem& p, const KnownRouting& routing, ThreadPool& threads) {
  const int64_t tokens = routing.batches.tokens, pairs = tokens * p.choices;
  std::vector<float> y(static_cast<size_t>((p.down ? tokens : pairs) * p.n), p.down ? 1.0f : poison);  // down adds to the residual
  Buffer scratch = scratch_of(moe_scratch_bytes(pairs, p.k, threads.size()));
  call(s, out,
       MoeMatmulArgs{.weights = &p.w.packed,
                     .bias = p.bias.data(),
                     .x = p.x.data(),
                     .y = y.data(),
                     .batches = &routing.batches,
                     .scratch = scratch.data(),
                     .threads = &threads});
  return y;
}

/// One row of outputs of each of these tokens alone; bounds of 0 where all is exact.
void compare_moe(Subject& s, const MoeProblem& p, const KnownRouting& routing, bool exact, const std::vector<int>& tokens, int64_t row,
                 const std::vector<float>& y, Comparison& out) {
  for (int t : tokens) {
    double sum = 1, magnitude = 1, bound = 0;  // of a down product, onto a residual of 1
    for (int c = 0; c < p.choices; ++c) {
      const int64_t pair = int64_t{t} * p.choices + c, e = routing.expert[static_cast<size_t>(pair)];
      const Allowed one =
          allowed(s, p.input(pair), p.weights(e, row), p.k, p.bias_of(e, row), p.terms[static_cast<size_t>(p.input_of(pair))]);
      if (!p.down) out.compare(one.value, exact ? 0 : one.bound, y[static_cast<size_t>(pair * p.n + row)], pair, row);
      const double weight = routing.weight[static_cast<size_t>(pair)];
      sum += weight * one.value, magnitude += weight * (one.magnitude + one.bound), bound += weight * one.bound;
    }
    // Each expert's result meets a product with its weight and the additions of the experts.
    bound += sum_bound(magnitude, p.choices + 3);
    if (p.down) out.compare(sum, exact ? 0 : bound, y[static_cast<size_t>(t * p.n + row)], t, row);
  }
}

/// Σ over the experts of what each makes of its tokens, and the residual of 1 below a down product; against Σ over the results.
bool moe_sums_agree(const MoeProblem& p, const KnownRouting& routing, const std::vector<double>& factors,
                    const std::vector<WeightedSum>& sums, int64_t row, const std::vector<float>& y) {
  double expected = 0, got[4] = {}, residual = 0;
  const int64_t tokens = routing.batches.tokens, pairs = tokens * p.choices;
  for (int64_t o = 0; o < (p.down ? tokens : pairs); ++o) {
    const double factor = factors[static_cast<size_t>(o)];
    got[p.down ? 0 : routing.expert[static_cast<size_t>(o)]] += factor * static_cast<double>(y[static_cast<size_t>(o * p.n + row)]);
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
  const std::vector<double> factors = random_factors(static_cast<size_t>(s.counts.back() * (p.down ? 1 : p.choices)), s.random);
  ThreadPool alone(1);
  std::vector<WeightedSum> sums(3, WeightedSum(p.k));
  int64_t summed = 0;
  for (int tokens : s.counts) {
    const KnownRouting routing(tokens, p.choices);
    const auto y = run_moe(s, out, p, routing, alone);
    for (; summed < int64_t{tokens} * p.choices; ++summed) {
      const auto pair = static_cast<size_t>(summed);
      const double factor = factors[p.down ? pair / static_cast<size_t>(p.choices) : pair];
      sums[static_cast<size_t>(routing.expert[pair])].add(p.down ? factor * static_cast<double>(routing.weight[pair]) : factor,
                                                          p.input(summed));
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

void check_linear(Subject& s, Comparison& out) {
  check_linear_exactly(s, out);
  for (int tokens : random_counts(s.counts)) check_linear_randomly(s, tokens, out);
}

void check_moe(Subject& s, Comparison& out) {
  check_moe_exactly(s, out);
  for (int tokens : random_counts(s.counts)) check_moe_randomly(s, tokens, out);
}

}  // namespace mxpath
