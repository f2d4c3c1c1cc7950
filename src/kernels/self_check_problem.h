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

/// A row of values that the layout holds as they are. exact: small integers, or codes under scales that are powers of two (all sixteen of
/// MXFP4; -1, 0 and 1 of NF4, whose others have 24 bits), so that no sum of products with inputs ≤ 3 is ever rounded. Else random ones.
void fill_known_row(Layout layout, std::span<float> row, bool exact, Random& random);

/// Every row filled like that.
KnownMatrix known_matrix(Layout layout, int64_t experts, int64_t rows, int64_t columns, bool exact, Random& random);

/// exact: integers -3..3 but 0, which would hide a mistake; otherwise uniform in [-1, 1).
std::vector<float> known_inputs(size_t count, bool exact, Random& random);

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

/// Largest error a path may make on a dot product: rounding of each partial sum, and of the activations where they become BF16.
double dot_bound(Arithmetic arithmetic, double magnitude, int64_t k);

}  // namespace mxpath
