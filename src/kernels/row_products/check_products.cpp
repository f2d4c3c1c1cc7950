#include "kernels/row_products/check_products.h"

#include <algorithm>
#include <cmath>

namespace mxpath {

int64_t rows_for(const KernelPath& path, int64_t rows) {
  return (rows + path.needs.n_multiple - 1) / path.needs.n_multiple * path.needs.n_multiple;
}

std::vector<int> random_counts(const std::vector<int>& counts) {
  std::vector<int> few{counts.front()};
  const auto beyond = std::ranges::upper_bound(counts, most_random_tokens);
  if (beyond != counts.begin() && beyond[-1] != few.front()) few.push_back(beyond[-1]);
  return few;
}

Allowed allowed(Subject& s, const float* x, const float* w, int64_t k, double bias, int64_t terms) {
  const DotProduct dot = exact_dot(x, w, k);
  s.work += static_cast<uint64_t>(k);
  const Arithmetic arithmetic = s.path.arithmetic;
  const double quantised = arithmetic == Arithmetic::int8_dynamic ? quantised_magnitude(x, w, k) : 0;
  return {dot.sum + bias, dot_bound(arithmetic, dot.magnitude, terms, std::abs(bias), quantised),
          dot.magnitude + std::abs(bias)};
}

}  // namespace mxpath
