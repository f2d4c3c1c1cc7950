// Known problems for the self-check: small enough for a few milliseconds, shaped to meet every tile edge.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "base/random.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "layout/packed_matrix.h"
#include "plan/plan.h"

namespace mxpath {

/// A matrix packed in the layout under test, and the same values as floats.
struct KnownMatrix {
  int64_t experts, rows, columns;
  std::vector<float> values;  // [experts, rows, columns]
  Buffer memory;
  PackedMatrix packed;
};

/// A row of values that the layout holds as they are. exact: small integers, or codes under scales that are powers of
/// two (all sixteen of MXFP4; -1, 0 and 1 of NF4, whose others have 24 bits), so that no sum of products with inputs ≤
/// 3 is ever rounded. Else random ones.
void fill_known_row(Layout layout, std::span<float> row, bool exact, Random& random);

/// Every row filled like that.
KnownMatrix known_matrix(Layout layout, int64_t experts, int64_t rows, int64_t columns, bool exact, Random& random);

/// exact: integers -3..3 but 0, which would hide a mistake; otherwise uniform in [-1, 1).
std::vector<float> known_inputs(size_t count, bool exact, Random& random);

/// Random integers from 1 to 2^18, all different: what each result is multiplied by before results are summed, so that
/// the sum tells any two of them apart. Whoever sums results of exact problems in double is exact too: such a problem
/// has Σ|x w| < 2^24 units of its last place, or its FP32 sums would round; fewer than 2^9 results with these factors
/// stay below 2^(24 + 18 + 9), and double has 53 bits.
std::vector<double> random_factors(size_t count, Random& random);

/// What a token of a random problem is good for, in turn. dense: any numbers. aligned: one sign and one size in every
/// product of one output row, so that roundings of inputs add up instead of cancelling. sparse: a few numbers, whose
/// sum may only be as wrong as a sum of a few.
enum class TokenKind : uint8_t { dense, aligned, sparse };
constexpr TokenKind kind_of(int64_t token, int64_t shift) { return static_cast<TokenKind>((token + shift) % 3); }
/// Fills a row of inputs of that kind; aligned with `weights`. Returns how many of its numbers are not zero.
int64_t make_kind(TokenKind kind, Arithmetic arithmetic, std::span<float> x, const float* weights, Random& random);

/// A few tokens of a batch: the first, the last, and both sides of the usual tile edges.
std::vector<int> sampled_tokens(int tokens);

/// Collects the worst |difference| / bound, and the first one above 1.
struct Comparison {
  double worst = 0;
  std::string finding;
  void compare(double expected, double bound, float got, int64_t token, int64_t element);
};

/// Σ_k x[k] w[k] in double, in four parts, and the sum of magnitudes.
struct DotProduct {
  double sum = 0, magnitude = 0;
};
DotProduct exact_dot(const float* x, const float* w, int64_t k);

/// How wrong `operations` roundings to FP32 in a row may make a sum of terms of that total magnitude, in any order: γ =
/// m u / (1 - m u) with u = 2^-24 (Higham 2002, lemma 3.1).
double sum_bound(double magnitude, int64_t operations);

/// The largest error that a path may make on Σ x w + added: a true bound at every size, not an average one. magnitude:
/// Σ|x w|. terms: products that are not zero. added: what is added without being an input (|bias|). quantised: for
/// int8_dynamic, quantised_magnitude().
double dot_bound(Arithmetic arithmetic, double magnitude, int64_t terms, double added = 0, double quantised = 0);
/// max|x| Σ|w| over the x that are not zero: what a step of 1/127 of the largest input may be wrong by, 254 times.
double quantised_magnitude(const float* x, const float* w, int64_t k);

}  // namespace mxpath
