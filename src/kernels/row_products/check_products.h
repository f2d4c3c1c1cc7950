// What the self-checks of matrix products share. Of an exact problem every element of every token counts, at the price
// of one dot product an output row: what is compared is the sum over all tokens, each times a random integer of its own
// (Freivalds 1979), which no rounding blurs. Rows of outputs are compared one by one, so that they need no factors.
#pragma once
#include <vector>

#include "kernels/self_check_subject.h"

namespace mxpath {

inline constexpr int64_t exact_rows =
    69;  // four tiles of 16 rows and a ragged one: the widest step of any CPU row, and its rest
inline constexpr int64_t random_rows = 37;  // two tiles and a ragged one
inline constexpr int most_random_tokens = 17;

/// `rows`, or the next larger count of rows of weights that the path takes.
int64_t rows_for(const KernelPath& path, int64_t rows);

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
std::vector<int> random_counts(const std::vector<int>& counts);

/// What one dot product may be, bias and all.
struct Allowed {
  double value, bound, magnitude;
};
Allowed allowed(Subject& s, const float* x, const float* w, int64_t k, double bias, int64_t terms);

/// A call of one token shows one kind of token at a time.
constexpr int64_t kinds_in_turn(int tokens) { return tokens == 1 ? 3 : 1; }

}  // namespace mxpath
