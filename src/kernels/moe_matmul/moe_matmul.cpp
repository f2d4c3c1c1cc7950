#include "kernels/moe_matmul/moe_matmul.h"

#include <algorithm>

#include "kernels/moe_matmul/moe_kernels.h"
#include "kernels/row_products/portable.h"
#include "kernels/row_products/to_bf16.h"
#include "kernels/scratch.h"
#include "kernels/swiglu/swiglu_row.h"

namespace mxpath {
namespace {

enum class Side { gate_up, down };

/// The job of expert e but for its tokens: gate_up reads token rows and writes pair rows, down the other way round.
TokenJob job_of(const MoeMatmulArgs& args, Side side) {
  const int32_t per_token = args.batches->experts_per_token;
  TokenJob job{};
  job.x = args.x, job.x_stride = args.weights->columns, job.y = args.y, job.y_stride = args.weights->rows;
  job.x_divisor = side == Side::gate_up ? per_token : 1;
  job.y_divisor = side == Side::gate_up ? 1 : per_token;
  if (side == Side::down) job.weight = args.batches->weight, job.accumulate = true;
  return job;
}

void* thread_scratch(const MoeMatmulArgs& args, int thread) {
  return static_cast<uint8_t*>(args.scratch) +
         static_cast<size_t>(thread) * row_products_thread_bytes(args.weights->columns);
}

/// Output rows below which a part is not worth a thread.
size_t least_rows(const MoeMatmulArgs& args, double products_per_ns) {
  const int64_t pairs = int64_t{args.batches->tokens} * args.batches->experts_per_token;
  return items_worth_a_thread(static_cast<double>(args.weights->columns * pairs) / products_per_ns);
}

/// Calls body(expert, job) for every expert with tokens, in ascending order.
template <class Body>
void each_expert(const MoeMatmulArgs& args, const TokenJob& whole, Body&& body) {
  const ExpertBatches& batches = *args.batches;
  for (int e = 0; e < batches.experts; ++e) {
    TokenJob job = whole;
    job.order = batches.order + batches.first[e], job.tokens = batches.first[e + 1] - batches.first[e];
    if (args.bias) job.bias = args.bias + e * args.weights->rows;
    if (job.tokens > 0) body(e, job);
  }
}

void run_portable(const MoeMatmulArgs& args, Side side) {
  const TokenJob whole = job_of(args, side);
  const size_t grain = (least_rows(args, portable_products_per_ns) + 3) / 4 * 4;
  // Threads own output rows, not experts: down adds up what several experts say about one output.
  args.threads->for_range(static_cast<size_t>(args.weights->rows), grain, [&](size_t begin, size_t end, int thread) {
    each_expert(args, whole, [&](int e, const TokenJob& job) {
      portable_rows(*args.weights, e, static_cast<int64_t>(begin), static_cast<int64_t>(end), job,
                    thread_scratch(args, thread));
    });
  });
}

/// after(first row, end, job): what is to be done with these outputs of an expert's tokens while they lie in the cache.
template <class After>
void run_rows16(const MoeMatmulArgs& args, const TokenJob& whole, Rows16Fn kernel, After after) {
  const PackedMatrix& w = *args.weights;
  const int64_t groups = (w.rows + 15) / 16, expert_codes = w.expert_bytes(), expert_scales = w.expert_scale_bytes();
  const size_t grain = (least_rows(args, vector_products_per_ns) + 15) / 16;
  args.threads->for_range(static_cast<size_t>(groups), grain, [&](size_t begin, size_t end, int thread) {
    const int64_t g0 = static_cast<int64_t>(begin), row0 = g0 * 16,
                  row1 = std::min(static_cast<int64_t>(end) * 16, w.rows);
    each_expert(args, whole, [&](int e, const TokenJob& all) {
      TokenJob job = all;
      const Rows16 rows{w.data + e * expert_codes + g0 * (expert_codes / groups),
                        w.scales ? w.scales + e * expert_scales + g0 * (expert_scales / groups) : nullptr, w.columns,
                        row1 - row0};
      job.y += row0;
      if (job.bias) job.bias += row0;
      kernel(rows, job, thread_scratch(args, thread));
      after(row0, row1, all);
    });
  });
}

void nothing(int64_t, int64_t, const TokenJob&) {}

template <class After>
void run_f32(const MoeMatmulArgs& args, Side side, Rows16Fn kernel, After after) {
  run_rows16(args, job_of(args, side), kernel, after);
}
void run_f32(const MoeMatmulArgs& args, Side side, Rows16Fn kernel) { run_f32(args, side, kernel, nothing); }

template <class After>
void run_bf16(const MoeMatmulArgs& args, Side side, Rows16Fn kernel, After after) {
  const ExpertBatches& batches = *args.batches;
  const int64_t rows = side == Side::gate_up ? batches.tokens : int64_t{batches.tokens} * batches.experts_per_token;
  uint16_t* x = static_cast<uint16_t*>(thread_scratch(args, args.threads->size()));
  to_bf16(args.x, args.weights->columns, rows, args.weights->columns, x, *args.threads);
  TokenJob job = job_of(args, side);
  job.x = x, job.x_stride = bf16_stride(args.weights->columns);
  run_rows16(args, job, kernel, after);
}
void run_bf16(const MoeMatmulArgs& args, Side side, Rows16Fn kernel) { run_bf16(args, side, kernel, nothing); }

/// Gates rows begin … end of u, which are pairs: a group of 16 rows begins with a gate.
auto gating(const SwigluArgs& args, SwigluRowFn row) {
  return [&args, row](int64_t begin, int64_t end, const TokenJob& job) {
    for (int64_t t = 0; t < job.tokens; ++t) {
      const int64_t pair = job.order[t];
      row(args.u + pair * 2 * args.width + begin, args.h + pair * args.width + begin / 2, (end - begin) / 2, args.limit,
          args.alpha);
    }
  };
}

}  // namespace

SiteCall call_of(const MoeMatmulArgs& args) {
  const PackedMatrix& w = *args.weights;
  const ExpertBatches& batches = *args.batches;
  return {Site{.n = w.rows, .k = w.columns, .experts = batches.experts, .experts_per_token = batches.experts_per_token},
          Call{.tokens = batches.tokens}};
}

void moe_gate_up_portable(const MoeMatmulArgs& args) { run_portable(args, Side::gate_up); }
void moe_gate_up_avx2_mxfp4_f32(const MoeMatmulArgs& args) { run_f32(args, Side::gate_up, rows16_mxfp4_avx2); }
void moe_gate_up_avx2_bf16_f32(const MoeMatmulArgs& args) { run_f32(args, Side::gate_up, rows16_bf16_avx2); }
void moe_gate_up_avx2_int8_f32(const MoeMatmulArgs& args) { run_f32(args, Side::gate_up, rows16_int8_avx2); }
void moe_gate_up_avx512_mxfp4_f32(const MoeMatmulArgs& args) { run_f32(args, Side::gate_up, rows16_mxfp4_avx512); }
void moe_gate_up_avx512_bf16_f32(const MoeMatmulArgs& args) { run_f32(args, Side::gate_up, rows16_bf16_avx512); }
void moe_gate_up_avx512_int8_f32(const MoeMatmulArgs& args) { run_f32(args, Side::gate_up, rows16_int8_avx512); }
void moe_gate_up_avx512bf16_mxfp4_bf16(const MoeMatmulArgs& args) {
  run_bf16(args, Side::gate_up, rows16_mxfp4_avx512_bf16);
}
void moe_gate_up_avx512bf16_bf16_bf16(const MoeMatmulArgs& args) {
  run_bf16(args, Side::gate_up, rows16_bf16_avx512_bf16);
}

void moe_gate_up_swiglu_avx2_mxfp4_f32(const MoeMatmulArgs& args, const SwigluArgs& swiglu) {
  run_f32(args, Side::gate_up, rows16_mxfp4_avx2, gating(swiglu, swiglu_row_avx2));
}
void moe_gate_up_swiglu_avx512_mxfp4_f32(const MoeMatmulArgs& args, const SwigluArgs& swiglu) {
  run_f32(args, Side::gate_up, rows16_mxfp4_avx512, gating(swiglu, swiglu_row_avx512));
}
void moe_gate_up_swiglu_avx512bf16_mxfp4_bf16(const MoeMatmulArgs& args, const SwigluArgs& swiglu) {
  run_bf16(args, Side::gate_up, rows16_mxfp4_avx512_bf16, gating(swiglu, swiglu_row_avx512));
}

void moe_down_portable(const MoeMatmulArgs& args) { run_portable(args, Side::down); }
void moe_down_avx2_mxfp4_f32(const MoeMatmulArgs& args) { run_f32(args, Side::down, rows16_mxfp4_avx2); }
void moe_down_avx2_bf16_f32(const MoeMatmulArgs& args) { run_f32(args, Side::down, rows16_bf16_avx2); }
void moe_down_avx2_int8_f32(const MoeMatmulArgs& args) { run_f32(args, Side::down, rows16_int8_avx2); }
void moe_down_avx512_mxfp4_f32(const MoeMatmulArgs& args) { run_f32(args, Side::down, rows16_mxfp4_avx512); }
void moe_down_avx512_bf16_f32(const MoeMatmulArgs& args) { run_f32(args, Side::down, rows16_bf16_avx512); }
void moe_down_avx512_int8_f32(const MoeMatmulArgs& args) { run_f32(args, Side::down, rows16_int8_avx512); }
void moe_down_avx512bf16_mxfp4_bf16(const MoeMatmulArgs& args) { run_bf16(args, Side::down, rows16_mxfp4_avx512_bf16); }
void moe_down_avx512bf16_bf16_bf16(const MoeMatmulArgs& args) { run_bf16(args, Side::down, rows16_bf16_avx512_bf16); }

}  // namespace mxpath
