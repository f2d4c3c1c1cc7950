#include "kernels/linear/linear.h"

#include <algorithm>

#include "kernels/linear/linear_kernels.h"
#include "kernels/row_products/portable.h"
#include "kernels/row_products/to_bf16.h"
#include "kernels/scratch.h"

namespace mxpath {
namespace {

size_t least_rows(const LinearArgs& args, double products_per_ns) {
  return items_worth_a_thread(static_cast<double>(args.weights->columns * args.tokens) / products_per_ns);
}

TokenJob job_of(const LinearArgs& args) {
  TokenJob job{};
  job.x = args.x, job.x_stride = args.x_stride, job.tokens = args.tokens;
  job.x_divisor = job.y_divisor = 1;
  job.y = args.y, job.y_stride = args.y_stride, job.bias = args.bias, job.accumulate = args.accumulate;
  return job;
}

uint8_t* thread_scratch(const LinearArgs& args, int thread) {
  return static_cast<uint8_t*>(args.scratch) +
         static_cast<size_t>(thread) * row_products_thread_bytes(args.weights->columns);
}

void run_rows16(const LinearArgs& args, const TokenJob& whole, Rows16Fn kernel) {
  const PackedMatrix& w = *args.weights;
  const int64_t groups = (w.rows + 15) / 16, group_bytes = w.expert_bytes() / groups,
                group_scales = w.expert_scale_bytes() / groups;
  const size_t grain = (least_rows(args, vector_products_per_ns) + 15) / 16;
  args.threads->for_range(static_cast<size_t>(groups), grain, [&](size_t begin, size_t end, int thread) {
    const int64_t g0 = static_cast<int64_t>(begin), row0 = g0 * 16,
                  row1 = std::min(static_cast<int64_t>(end) * 16, w.rows);
    const Rows16 rows{w.data + g0 * group_bytes, w.scales ? w.scales + g0 * group_scales : nullptr, w.columns,
                      row1 - row0};
    TokenJob job = whole;
    job.y += row0;
    if (job.bias) job.bias += row0;
    kernel(rows, job, thread_scratch(args, thread));
  });
}

}  // namespace

SiteCall call_of(const LinearArgs& args) {
  return {Site{.n = args.weights->rows, .k = args.weights->columns}, Call{.tokens = args.tokens}};
}

void linear_portable(const LinearArgs& args) {
  const TokenJob job = job_of(args);
  const size_t grain = (least_rows(args, portable_products_per_ns) + 3) / 4 * 4;
  args.threads->for_range(static_cast<size_t>(args.weights->rows), grain, [&](size_t begin, size_t end, int thread) {
    portable_rows(*args.weights, 0, static_cast<int64_t>(begin), static_cast<int64_t>(end), job,
                  thread_scratch(args, thread));
  });
}

void linear_avx2_bf16_f32(const LinearArgs& args) { run_rows16(args, job_of(args), rows16_bf16_avx2); }
void linear_avx512_bf16_f32(const LinearArgs& args) { run_rows16(args, job_of(args), rows16_bf16_avx512); }
void linear_avx2_int8_f32(const LinearArgs& args) { run_rows16(args, job_of(args), rows16_int8_avx2); }
void linear_avx512_int8_f32(const LinearArgs& args) { run_rows16(args, job_of(args), rows16_int8_avx512); }

void linear_avx512bf16_bf16_bf16(const LinearArgs& args) {
  TokenJob job = job_of(args);
  uint16_t* x = reinterpret_cast<uint16_t*>(thread_scratch(args, args.threads->size()));
  to_bf16(args.x, args.x_stride, args.tokens, args.weights->columns, x, *args.threads);
  job.x = x, job.x_stride = bf16_stride(args.weights->columns);
  run_rows16(args, job, rows16_bf16_avx512_bf16);
}

}  // namespace mxpath
