#include "kernels/row_products/portable.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/cuda_row.h"
#include "kernels/router/router.h"
#include "kernels/rows.h"

namespace mxpath {

MXPATH_CUDA_ROW(router_cuda_portable, RouterArgs)

namespace {

void router_logits(const RouterArgs& args) {
  const int64_t experts = args.weights->rows, columns = args.weights->columns;
  TokenJob job{};
  job.x = args.x, job.x_stride = columns, job.tokens = args.tokens, job.x_divisor = job.y_divisor = 1;
  job.y = args.logits, job.y_stride = experts, job.bias = args.bias;
  const size_t grain =
      (items_worth_a_thread(static_cast<double>(columns * args.tokens) / portable_products_per_ns) + 3) / 4 * 4;
  args.threads->for_range(static_cast<size_t>(experts), grain, [&](size_t begin, size_t end, int) {
    std::vector<float> scratch(row_products_thread_bytes(columns) / sizeof(float));
    portable_rows(*args.weights, 0, static_cast<int64_t>(begin), static_cast<int64_t>(end), job, scratch.data());
  });
}

/// The k largest, in descending order; the lower index first among equals. NaN counts as minus infinity, so that the
/// order is one. `all`: every expert's number.
void choose(const float* logits, const std::vector<int32_t>& all, int k, int32_t* chosen) {
  const auto size = [&](int32_t e) { return std::isnan(logits[e]) ? -INFINITY : logits[e]; };
  const auto before = [&](int32_t a, int32_t b) { return size(a) > size(b) || (size(a) == size(b) && a < b); };
  std::partial_sort_copy(all.begin(), all.end(), chosen, chosen + k, before);
}

/// NaN where a logit of any expert is not finite: which experts are the largest is not known then.
void softmax_of_chosen(const float* logits, int experts, const int32_t* chosen, int k, float* weight) {
  float sum = 0;
  for (int e = 0; e < experts; ++e) sum += logits[e] - logits[e];
  for (int i = 0; i < k; ++i) sum += weight[i] = std::exp(logits[chosen[i]] - logits[chosen[0]]);
  for (int i = 0; i < k; ++i) weight[i] /= sum;
}

void router_portable(const RouterArgs& args) {
  router_logits(args);
  const int experts = static_cast<int>(args.weights->rows), k = args.experts_per_token;
  std::vector<int32_t> all(static_cast<size_t>(experts));
  std::iota(all.begin(), all.end(), 0);
  for (int64_t t = 0; t < args.tokens; ++t) {
    choose(args.logits + t * experts, all, k, args.expert + t * k);
    softmax_of_chosen(args.logits + t * experts, experts, args.expert + t * k, k, args.weight + t * k);
  }
  group_by_expert(args.expert, int64_t{args.tokens} * k, experts, args.first, args.order);
}

constexpr KernelPath paths[] = {
    {.name = "router.cpu.portable.f32",
     .op = Op::router,
     .weights = Layout::any,
     .unit = Unit::scalar,
     .efficiency = 0.5,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = router_portable},
    {.name = "router.cuda.portable.f32",
     .op = Op::router,
     .device = DeviceKind::cuda,
     .weights = Layout::any,
     .needs = cuda_portable_needs,
     .unit = Unit::cuda_cores,
     .efficiency = 0.06,
     .thread_invariant = true,
     .built = cuda_built,
     .run = router_cuda_portable,
     .images = router_cuda_portable_images},
};

}  // namespace

void group_by_expert(const int32_t* expert, int64_t rows, int experts, int32_t* first, int32_t* order) {
  std::fill_n(first, experts + 1, 0);
  for (int64_t r = 0; r < rows; ++r) ++first[expert[r] + 1];
  for (int e = 0; e < experts; ++e) first[e + 1] += first[e];
  // A counting sort: fill each expert's part, then move the starts back to where they were.
  for (int64_t r = 0; r < rows; ++r) order[first[expert[r]]++] = static_cast<int32_t>(r);
  for (int e = experts; e > 0; --e) first[e] = first[e - 1];
  first[0] = 0;
}

std::span<const KernelPath> router_paths() { return paths; }

}  // namespace mxpath
