// linear, moe_gate_up and moe_down: every row against a double loop, against the portable row, and against itself.
#include <algorithm>
#include <span>

#include "formats/bf16.h"
#include "kernels/linear/linear.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/router/router.h"
#include "kernels/test_rows.h"

namespace mxpath {
namespace {

struct Shape {
  Op op;
  int64_t n, k;
  int tokens, experts = 1, per_token = 1;
  bool accumulate = false;
  bool one_expert = false;  // every token goes to the last experts only
};

/// Inputs of one call; x is what the row sees before any rounding of its own.
struct Problem {
  Shape shape;
  std::vector<float> weights, bias, x, y_before, router_weight;
  std::vector<int32_t> expert, first, order;
  int64_t x_rows() const { return shape.op == Op::moe_down ? pairs() : shape.tokens; }
  int64_t y_rows() const { return shape.op == Op::moe_gate_up ? pairs() : shape.tokens; }
  int64_t pairs() const { return int64_t{shape.tokens} * shape.per_token; }
  bool adds() const { return shape.accumulate || shape.op == Op::moe_down; }
};

Problem make_problem(const Shape& shape, bool exact, uint64_t seed) {
  Random random(seed);
  Problem p{shape, {}, {}, {}, {}, {}, {}, {}, {}};
  p.weights = mxfp4_values(random, shape.experts * shape.n * shape.k, exact);
  p.bias = activations(random, shape.experts * shape.n, exact);
  p.x = activations(random, p.x_rows() * shape.k, exact);
  p.y_before = p.adds() ? activations(random, p.y_rows() * shape.n, exact)
                        : std::vector<float>(static_cast<size_t>(p.y_rows() * shape.n), poison);
  for (int64_t t = 0; t < shape.tokens; ++t)
    for (int c = 0; c < shape.per_token; ++c) {
      // Distinct experts for one token; expert 0 stays without tokens unless every token goes to every expert.
      const int64_t e = shape.per_token == shape.experts ? (t + c) % shape.experts
                        : shape.one_expert               ? shape.experts - 1 - c
                                                         : 1 + (t * 3 + c) % std::max(shape.experts - 1, 1);
      p.expert.push_back(static_cast<int32_t>(std::min<int64_t>(e, shape.experts - 1)));
      p.router_weight.push_back(exact ? 0.25f * static_cast<float>(random.integer(1, 4))
                                      : static_cast<float>(random.uniform()));
    }
  p.first.resize(static_cast<size_t>(shape.experts) + 1), p.order.resize(static_cast<size_t>(p.pairs()));
  group_by_expert(p.expert.data(), p.pairs(), shape.experts, p.first.data(), p.order.data());
  return p;
}

/// The same problem with weights that the layout holds.
Problem held(Problem p, Layout layout, bool exact) {
  p.weights = values_for(layout, std::move(p.weights), p.shape.k, exact, 4711);
  return p;
}
bool divides(Layout layout, int64_t k) { return group_of(layout) == 0 || k % group_of(layout) == 0; }

/// Scratch full of NaN: nothing may be read from it that was not written before. Exactly what the row says it keeps,
/// and a guard.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : memory_(bytes + 64 + guard_bytes, 0xff), bytes_(bytes) {}
  void* data() { return memory_.data() + start(); }
  bool guard_is_whole() const {
    const auto* end = memory_.data() + start() + bytes_;
    return std::all_of(end, end + guard_bytes, [](uint8_t byte) { return byte == 0xff; });
  }

 private:
  static constexpr size_t guard_bytes = 4096;
  size_t start() const { return (64 - reinterpret_cast<uintptr_t>(memory_.data()) % 64) % 64; }
  std::vector<uint8_t> memory_;
  size_t bytes_;
};

std::vector<float> run_linear(const KernelPath& path, const Problem& p, const PackedMatrix& matrix, int threads,
                              int padding) {
  ThreadPool pool(threads);
  const int64_t x_stride = p.shape.k + padding, y_stride = p.shape.n + 2 * padding;
  std::vector<float> x(static_cast<size_t>(p.shape.tokens * x_stride), poison),
      y(static_cast<size_t>(p.shape.tokens * y_stride), 7.0f);
  for (int64_t t = 0; t < p.shape.tokens; ++t) {
    std::copy_n(p.x.begin() + t * p.shape.k, p.shape.k, x.begin() + t * x_stride);
    std::copy_n(p.y_before.begin() + t * p.shape.n, p.shape.n, y.begin() + t * y_stride);
  }
  LinearArgs args{&matrix,  p.bias.data(),  x.data(),           x_stride, y.data(),
                  y_stride, p.shape.tokens, p.shape.accumulate, nullptr,  &pool};
  Scratch scratch(scratch_bytes(path, args, threads));
  args.scratch = scratch.data();
  run_row(path, args);
  EXPECT_TRUE(scratch.guard_is_whole()) << path.name << " wrote beyond its scratch";
  std::vector<float> result;
  for (int64_t t = 0; t < p.shape.tokens; ++t) {
    result.insert(result.end(), y.begin() + t * y_stride, y.begin() + t * y_stride + p.shape.n);
    for (int64_t i = p.shape.n; i < y_stride; ++i)
      EXPECT_EQ(y[static_cast<size_t>(t * y_stride + i)], 7.0f) << "wrote beyond row " << t;
  }
  return result;
}

std::vector<float> run_moe(const KernelPath& path, const Problem& p, const PackedMatrix& matrix, int threads) {
  ThreadPool pool(threads);
  std::vector<float> y = p.y_before;
  const ExpertBatches batches{p.shape.experts, p.shape.per_token, p.shape.tokens,
                              p.first.data(),  p.order.data(),    p.router_weight.data()};
  MoeMatmulArgs args{&matrix, p.bias.data(), p.x.data(), y.data(), &batches, nullptr, &pool};
  Scratch scratch(scratch_bytes(path, args, threads));
  args.scratch = scratch.data();
  run_row(path, args);
  EXPECT_TRUE(scratch.guard_is_whole()) << path.name << " wrote beyond its scratch";
  return y;
}

std::vector<float> run(const KernelPath& path, const Problem& p, Layout layout, int threads = 1, int padding = 0) {
  const TestMatrix matrix = pack_test_matrix(layout, p.shape.experts, p.shape.n, p.shape.k, p.weights);
  return path.op == Op::linear ? run_linear(path, p, matrix.view, threads, padding)
                               : run_moe(path, p, matrix.view, threads);
}

/// One output in double, with the bound on what any order of float additions may deviate: ε (k + 8) (Σ |x w| + |bias| +
/// |y|).
struct Expected {
  double value = 0, magnitude = 0;
};
Expected dot(const Problem& p, bool rounds_x, int64_t expert, int64_t x_row, int64_t n) {
  Expected sum{p.bias[static_cast<size_t>(expert * p.shape.n + n)], 0};
  for (int64_t k = 0; k < p.shape.k; ++k) {
    const float x = p.x[static_cast<size_t>(x_row * p.shape.k + k)];
    const double product =
        double(rounds_x ? round_bf16(x) : x) * p.weights[static_cast<size_t>((expert * p.shape.n + n) * p.shape.k + k)];
    sum.value += product, sum.magnitude += std::fabs(product);
  }
  sum.magnitude += std::fabs(double(p.bias[static_cast<size_t>(expert * p.shape.n + n)]));
  return sum;
}
std::vector<Expected> expected(const Problem& p, bool rounds_x) {
  std::vector<Expected> y(p.y_before.size());
  for (size_t i = 0; p.adds() && i < y.size(); ++i) y[i] = {p.y_before[i], std::fabs(double(p.y_before[i]))};
  for (int64_t pair = 0; pair < p.pairs(); ++pair) {
    const int64_t token = pair / p.shape.per_token,
                  expert = p.shape.op == Op::linear ? 0 : p.expert[static_cast<size_t>(pair)];
    for (int64_t n = 0; n < p.shape.n; ++n) {
      const Expected one = dot(p, rounds_x, expert, p.shape.op == Op::moe_down ? pair : token, n);
      const double weight = p.shape.op == Op::moe_down ? p.router_weight[static_cast<size_t>(pair)] : 1.0;
      Expected& out = y[static_cast<size_t>((p.shape.op == Op::moe_gate_up ? pair : token) * p.shape.n + n)];
      out.value += weight * one.value, out.magnitude += weight * one.magnitude;
    }
  }
  return y;
}

class Matmul : public RowTest {
 protected:
  bool rounds_x() const { return path().arithmetic == Arithmetic::bf16_inputs; }
  Shape shape(int64_t n, int64_t k, int tokens) const {
    if (path().op == Op::linear) return {Op::linear, n, k, tokens};
    return {path().op, n, k, tokens, 5, 2};
  }
  std::vector<int64_t> widths() const {
    return group_of(path().weights) == 32 ? std::vector<int64_t>{32, 64, 96, 288}
                                          : std::vector<int64_t>{1, 2, 31, 32, 33, 64, 96, 258, 320};
  }

  void expect_exact(const Shape& s, uint64_t seed, int threads = 1) {
    const Problem grid = make_problem(s, true, seed);
    for (Layout layout : layouts_of(path())) {
      if (!divides(layout, s.k)) continue;
      const Problem p = held(grid, layout, true);
      const std::vector<float> portable = run(portable_row(s.op), p, Layout::fp32_rows);
      const std::vector<float> y = run(path(), p, layout, threads, 3);
      EXPECT_TRUE(same_bits(y, portable))
          << path().name << " over " << name_of(layout) << ", " << s.tokens << " tokens, n " << s.n << ", k " << s.k
          << " differs " << first_difference(y, portable);
    }
  }
  void expect_bounded(const Shape& s, uint64_t seed) {
    const Problem grid = make_problem(s, false, seed);
    const double epsilon = std::ldexp(static_cast<double>(s.k) + 8, -24);
    for (Layout layout : layouts_of(path())) {
      if (!divides(layout, s.k)) continue;
      const Problem p = held(grid, layout, false);
      const std::vector<Expected> want = expected(p, rounds_x());
      const std::vector<float> y = run(path(), p, layout);
      double worst = 0;
      for (size_t i = 0; i < y.size(); ++i) {
        const double error = std::fabs(y[i] - want[i].value) / (epsilon * want[i].magnitude + 1e-30);
        worst = error <= worst ? worst : error;
        if (!(error <= 1))
          FAIL() << path().name << " over " << name_of(layout) << ": " << y[i] << " at " << i << ", expected "
                 << want[i].value << ", " << error << " of the bound; " << s.tokens << " tokens, n " << s.n << ", k "
                 << s.k;
      }
      EXPECT_GT(worst, 0) << "random sums cannot all be exact: the reference is not independent";
    }
  }
};

TEST_P(Matmul, AgreesWithThePortableRowBitForBitOnExactSums) {
  uint64_t seed = 1;
  for (int tokens : {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 63, 64, 65, 129, 519, 520})
    expect_exact(shape(37, widths()[static_cast<size_t>(tokens) % widths().size()], tokens), ++seed);
  for (int64_t k : widths())
    for (int64_t n : {1, 15, 16, 17, 80})
      expect_exact(shape(n, k, 3), ++seed), expect_exact(shape(n, k, 11), ++seed, 3);
}

TEST_P(Matmul, AgreesAtTheWidthOfTheModel) {
  for (int tokens : {1, 3, 9}) expect_exact(shape(50, 2880, tokens), 77);
}

TEST_P(Matmul, AgreesOverSeveralTilesOfRowsAndPanelsOfColumns) {
  for (int tokens : {1, 2, 7, 8, 70, 150}) expect_exact(shape(300, 64, tokens), static_cast<uint64_t>(tokens));
  for (int tokens : {1, 3, 8}) expect_exact(shape(9, 8256, tokens), 31);
}

TEST_P(Matmul, AgreesForFewAndManyExpertsAndChoices) {
  if (path().op == Op::linear) GTEST_SKIP() << "has no experts";
  for (auto [experts, per_token] : {std::pair{1, 1}, {4, 4}, {70, 4}, {12, 9}, {3, 1}})
    for (int tokens : {1, 3, 8, 65, 129})
      expect_exact({path().op, 19, 64, tokens, experts, per_token}, static_cast<uint64_t>(experts + tokens));
}

TEST_P(Matmul, ReadsRowsOfAnyWidthForAnyNumberOfTokens) {
  uint64_t seed = 50;
  // Whole words of some formats but not whole 16-byte pieces, and the other way round.
  for (int64_t k : {1, 2, 7, 33, 36, 100, 104, 112, 320})
    for (int tokens : {1, 9, 70}) expect_exact(shape(21, k, tokens), ++seed);
}

TEST_P(Matmul, StaysWithinTheBoundOfItsArithmetic) {
  uint64_t seed = 100;
  for (int tokens : {1, 2, 5, 8, 19, 66}) expect_bounded(shape(35, widths().back(), tokens), ++seed);
  expect_bounded(shape(33, 2880, 6), 5);
}

TEST_P(Matmul, StaysWithinTheBoundForInputsThatRoundAsBadlyAsTheyCan) {
  for (int64_t k : {1, 2, 3, 31, 32, 33, 64})
    for (int64_t n : {1, 2, 3, 31, 33})
      for (const float x : {1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -1 - 0x1p-8f}) {
        const bool linear = path().op == Op::linear;
        Problem p = make_problem({.op = path().op, .n = n, .k = k, .tokens = 3, .experts = linear ? 1 : 2}, false, 8);
        std::ranges::fill(p.weights, 1.0f), std::ranges::fill(p.bias, 0.0f), std::ranges::fill(p.x, x);
        std::ranges::fill(p.router_weight, 1.0f);
        if (p.adds()) std::ranges::fill(p.y_before, 0.0f);
        for (Layout layout : layouts_of(path())) {
          if (!divides(layout, k)) continue;
          Problem as_stored_there = p;
          for (size_t row = 0; row < p.weights.size(); row += static_cast<size_t>(k))
            quantised_reference(layout, std::span(as_stored_there.weights).subspan(row, static_cast<size_t>(k)));
          const float weight = as_stored_there.weights.front();
          const double exact = static_cast<double>(k) * static_cast<double>(x) * static_cast<double>(weight);
          const double bound = dot_bound(path().arithmetic, std::fabs(exact), k);
          for (const float y : run(path(), as_stored_there, layout))
            ASSERT_LE(std::fabs(static_cast<double>(y) - exact), bound)
                << name_of(layout) << ", n " << n << ", k " << k << ", inputs " << x;
        }
      }
}

TEST_P(Matmul, AccumulatesAndSendsEverythingToOneExpert) {
  Shape s = shape(37, 64, 21);
  if (path().op == Op::linear) s.accumulate = true;
  else s.one_expert = true;
  expect_exact(s, 9), expect_bounded(s, 10);
}

TEST_P(Matmul, ReadsTheEndsOfTheScale) {
  // 2^-127 is a subnormal float; 2^123 is as far as six times it still fits.
  for (auto [scale, x] : {std::pair{-127, 60}, {123, -60}}) {
    Problem p = make_problem(shape(37, 64, 3), true, 21);
    for (size_t i = 0; i < p.weights.size(); ++i)
      p.weights[i] = std::ldexp(static_cast<float>(i % 32 == 0 ? 6 : i % 5), scale);
    for (float& value : p.x) value = std::ldexp(value, x);
    std::fill(p.bias.begin(), p.bias.end(), 0.0f), std::fill(p.router_weight.begin(), p.router_weight.end(), 1.0f);
    for (float& value : p.y_before) value = p.adds() ? 0.0f : value;
    const std::vector<float> portable = run(portable_row(p.shape.op), p, Layout::fp32_rows);
    for (Layout layout : layouts_of(path())) {
      std::vector<float> row(p.weights.begin(), p.weights.begin() + 64);
      if (quantised_reference(layout, row); !std::equal(row.begin(), row.end(), p.weights.begin()))
        continue;  // not a scale of this format
      // VDPBF16PS takes subnormal operands for zero; scales are applied after it, so only plain BF16 weights of that
      // size are lost.
      if (scale == -127 && layout == Layout::bf16_rows16 && rounds_x()) continue;
      const std::vector<float> y = run(path(), p, layout);
      EXPECT_TRUE(same_bits(y, portable))
          << name_of(layout) << ", scale 2^" << scale << " differs " << first_difference(y, portable);
      EXPECT_NE(y[0], 0.0f);
    }
  }
}

TEST_P(Matmul, GivesTheSameBitsForAnyNumberOfThreads) {
  for (int tokens : {1, 6, 70}) {
    for (Layout layout : layouts_of(path())) {
      const Problem p = held(make_problem(shape(200, 192, tokens), false, 3), layout, false);
      const std::vector<float> one = run(path(), p, layout);
      for (int threads : {2, 3})
        EXPECT_TRUE(same_bits(run(path(), p, layout, threads), one)) << threads << " threads, " << tokens << " tokens";
    }
  }
}

/// The part of a problem that is one token's.
Problem only_token(const Problem& all, int64_t token) {
  Problem p = all;
  const Shape& s = all.shape;
  p.shape.tokens = 1;
  auto cut = [token](auto& from, int64_t width) {
    from = {from.begin() + token * width, from.begin() + (token + 1) * width};
  };
  cut(p.x, s.op == Op::moe_down ? s.k * s.per_token : s.k);
  cut(p.y_before, s.op == Op::moe_gate_up ? s.n * s.per_token : s.n);
  cut(p.expert, s.per_token), cut(p.router_weight, s.per_token);
  p.order.resize(static_cast<size_t>(s.per_token));
  group_by_expert(p.expert.data(), s.per_token, s.experts, p.first.data(), p.order.data());
  return p;
}

TEST_P(Matmul, GivesATokenTheSameBitsAloneAndInABatch) {
  if (!path().batch_invariant) GTEST_SKIP() << "it may use another order for another batch";
  for (int tokens : {2, 4, 6, 9, 15, 150}) {
    for (Layout layout : layouts_of(path())) {
      const Problem p = held(make_problem(shape(37, 320, tokens), false, static_cast<uint64_t>(tokens)), layout, false);
      const std::vector<float> batch = run(path(), p, layout);
      const int64_t width = static_cast<int64_t>(batch.size()) / tokens;
      for (int64_t t = 0; t < tokens; t += 1 + tokens / 16) {
        const std::vector<float> part(batch.begin() + t * width, batch.begin() + (t + 1) * width),
            alone = run(path(), only_token(p, t), layout);
        ASSERT_TRUE(same_bits(part, alone)) << path().name << " over " << name_of(layout) << ", token " << t << " of "
                                            << tokens << " differs " << first_difference(part, alone);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, Matmul, testing::ValuesIn(rows_of({Op::linear, Op::moe_gate_up, Op::moe_down})),
                         test_name);

}  // namespace
}  // namespace mxpath
