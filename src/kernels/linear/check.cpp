// The self-check of the projections and the head: exactly for every count and every element, then a random problem.
#include "kernels/row_products/check_products.h"

namespace mxpath {
namespace {

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
          make_kind(kind_of(t, shift), s.path.arithmetic,
                    std::span(x).subspan(static_cast<size_t>(t * k), static_cast<size_t>(k)), weights(t % n), s.random);
  }
  const float* input(int64_t token) const { return &x[static_cast<size_t>(token * k)]; }
  const float* weights(int64_t row) const { return &w.values[static_cast<size_t>(row * k)]; }
};

/// add: onto what is there, and without a bias.
std::vector<float> run_linear(Subject& s, Comparison& out, const LinearProblem& p, int tokens, bool add,
                              ThreadPool& threads) {
  std::vector<float> y(static_cast<size_t>(tokens * p.n), add ? 1.0f : poison);
  LinearArgs args{.weights = &p.w.packed,
                  .bias = add ? nullptr : p.bias.data(),
                  .x = p.x.data(),
                  .x_stride = p.k,
                  .y = y.data(),
                  .y_stride = p.n,
                  .tokens = tokens,
                  .accumulate = add,
                  .threads = &threads};
  Buffer scratch = scratch_of(scratch_bytes(s.path, args, threads.size()));
  args.scratch = scratch.data();
  call(s, out, args);
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
    for (; summed < static_cast<size_t>(tokens); ++summed)
      sum.add(factors[summed], p.input(static_cast<int64_t>(summed)));
    for (int64_t row = 0; row < p.n; ++row) {
      const double start = add ? 1 : p.bias[static_cast<size_t>(row)];
      double got = 0;
      for (int64_t t = 0; t < tokens; ++t)
        got += factors[static_cast<size_t>(t)] * static_cast<double>(y[static_cast<size_t>(t * p.n + row)]);
      if (got == sum.times(p.weights(row), start)) continue;
      for (int64_t t = 0; t < tokens; ++t)
        out.compare(exact_dot(p.input(t), p.weights(row), p.k).sum + start, 0, y[static_cast<size_t>(t * p.n + row)], t,
                    row);
    }
    s.work += static_cast<uint64_t>(p.n * (p.k + tokens));
  }
  s.work += summed * static_cast<uint64_t>(p.k);
}

void check_linear_randomly(Subject& s, int tokens, Comparison& out) {
  LinearProblem p(s, false, rows_for(s.path, random_rows), tokens);
  for (int64_t shift = 0; shift < kinds_in_turn(tokens); ++shift) {
    p.make_kinds(s, shift);
    const auto y = run_linear(s, out, p, tokens, false, s.threads);
    for (int t : sampled_tokens(tokens))
      for (int64_t row = 0; row < p.n; ++row) {
        const Allowed one = allowed(s, p.input(t), p.weights(row), p.k, p.bias[static_cast<size_t>(row)],
                                    p.terms[static_cast<size_t>(t)]);
        out.compare(one.value, one.bound, y[static_cast<size_t>(t * p.n + row)], t, row);
      }
  }
}

}  // namespace

void check_linear(Subject& s, Comparison& out) {
  check_linear_exactly(s, out);
  for (int tokens : random_counts(s.counts)) check_linear_randomly(s, tokens, out);
}

}  // namespace mxpath
