// Rows of a matrix times a list of tokens: the inner work that linear, moe_matmul and router share. Plain structs and
// no templates, because the sealed instruction-set files include this.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace mxpath {

/// Which activations meet the rows, and where the results go. Entry i of the list is number o = order[i] (i without an
/// order):
///   y[o / y_divisor, n] (+)= weight[o] * (Σ_k x[o / x_divisor, k] w[n, k] + bias[n])
struct TokenJob {
  const void* x;  // float, or bf16 for the kernels that say so; rows x_stride elements apart
  int64_t x_stride;
  const int32_t* order;  // or null
  int64_t tokens;
  int32_t x_divisor, y_divisor;
  float* y;  // at the first row of the matrix; tokens y_stride floats apart
  int64_t y_stride;
  const float* bias;    // from the first row of the matrix, or null
  const float* weight;  // by number, or null
  bool accumulate;
};

/// Groups of 16 rows of one expert in layout mxfp4_rows16, bf16_rows16 or int8_rows16 (src/layout says what lies in
/// them).
struct Rows16 {
  const uint8_t* codes;   // of the first group
  const uint8_t* scales;  // of the first group; null for bf16_rows16
  int64_t columns;
  int64_t rows;  // that exist; the last group may be padded
};

/// Computes every row of `rows` for every token. scratch: row_products_thread_bytes(columns), 64-byte aligned, one for
/// each thread. For each (token, row) the operations are the same whatever else is computed: a block of 32 MXFP4
/// columns is summed pair by pair from zero and then added times its scale; BF16 weights are one chain of pairs, INT8
/// codes too, times the row's scale at the end.
using Rows16Fn = void (*)(const Rows16& rows, const TokenJob& job, void* scratch);

void rows16_mxfp4_avx2(const Rows16& rows, const TokenJob& job, void* scratch);    // x float
void rows16_bf16_avx2(const Rows16& rows, const TokenJob& job, void* scratch);     // x float
void rows16_int8_avx2(const Rows16& rows, const TokenJob& job, void* scratch);     // x float
void rows16_mxfp4_avx512(const Rows16& rows, const TokenJob& job, void* scratch);  // x float
void rows16_bf16_avx512(const Rows16& rows, const TokenJob& job, void* scratch);   // x float
void rows16_int8_avx512(const Rows16& rows, const TokenJob& job, void* scratch);   // x float
void rows16_mxfp4_avx512_bf16(const Rows16& rows, const TokenJob& job,
                              void* scratch);  // x bf16, columns padded to even with zeros
void rows16_bf16_avx512_bf16(const Rows16& rows, const TokenJob& job,
                             void* scratch);  // x bf16, columns padded to even with zeros

/// Tokens that a kernel keeps sums for at a time, and the columns it decodes at a time.
enum { rows16_token_tile = 128, rows16_slab = 256 };
/// Scratch of one thread in any kernel: a slab of two decoded groups and the sums, or four decoded rows.
constexpr size_t row_products_thread_bytes(int64_t columns) {
  const size_t kernels = 2 * 16 * (rows16_slab + rows16_token_tile) * 4,
               rows = (static_cast<size_t>(columns) + 15) / 16 * 16 * 4 * 4;
  return kernels > rows ? kernels : rows;
}
/// One token's activations as BF16, padded to a whole number of lines.
constexpr int64_t bf16_stride(int64_t columns) { return (columns + 31) / 32 * 32; }

}  // namespace mxpath
