#include "kernels/row_products/portable.h"

#include <algorithm>

#include "kernels/simd/exp.h"

namespace mxpath {
namespace {

constexpr int64_t tile_rows = 4;

/// Eight partial sums for each of R rows and T tokens, over a multiple of eight columns.
template <int R, int T>
void add_products(const float* const (&w)[R], const float* const (&x)[T], int64_t columns, Float4 (&low)[R][T],
                  Float4 (&high)[R][T]) {
  for (int64_t c = 0; c < columns; c += 8)
    for (int t = 0; t < T; ++t) {
      const Float4 x0 = *reinterpret_cast<const Float4*>(x[t] + c), x1 = *reinterpret_cast<const Float4*>(x[t] + c + 4);
      for (int r = 0; r < R; ++r) {
        low[r][t] += *reinterpret_cast<const Float4*>(w[r] + c) * x0;
        high[r][t] += *reinterpret_cast<const Float4*>(w[r] + c + 4) * x1;
      }
    }
}

template <int R, int T>
void dot_tile(const float* const (&w)[R], const float* const (&x)[T], int64_t columns, float (&out)[R][T]) {
  Float4 low[R][T] = {}, high[R][T] = {};
  const int64_t whole = columns / 8 * 8, rest = columns - whole;
  add_products(w, x, whole, low, high);
  if (rest != 0) {
    float w_rest[R][8] = {}, x_rest[T][8] = {};
    const float *wr[R], *xr[T];
    for (int r = 0; r < R; ++r) std::copy_n(w[r] + whole, rest, w_rest[r]), wr[r] = w_rest[r];
    for (int t = 0; t < T; ++t) std::copy_n(x[t] + whole, rest, x_rest[t]), xr[t] = x_rest[t];
    add_products<R, T>(wr, xr, 8, low, high);
  }
  for (int r = 0; r < R; ++r)
    for (int t = 0; t < T; ++t) {
      const Float4 sum = low[r][t] + high[r][t];
      out[r][t] = (sum[0] + sum[2]) + (sum[1] + sum[3]);
    }
}

int64_t number(const TokenJob& job, int64_t i) { return job.order ? job.order[i] : i; }

void finish(const TokenJob& job, int64_t row, int64_t token, float sum) {
  const int64_t o = number(job, token);
  if (job.bias) sum += job.bias[row];
  if (job.weight) sum *= job.weight[o];
  float& y = job.y[o / job.y_divisor * job.y_stride + row];
  y = job.accumulate ? y + sum : sum;
}

template <int R, int T>
void run_tile(const TokenJob& job, int64_t row, int64_t token, const float* decoded, int64_t columns) {
  const float *w[R], *x[T];
  for (int r = 0; r < R; ++r) w[r] = decoded + r * columns;
  for (int t = 0; t < T; ++t)
    x[t] = static_cast<const float*>(job.x) + number(job, token + t) / job.x_divisor * job.x_stride;
  float sums[R][T];
  dot_tile<R, T>(w, x, columns, sums);
  for (int t = 0; t < T; ++t)
    for (int r = 0; r < R; ++r) finish(job, row + r, token + t, sums[r][t]);
}

}  // namespace

void portable_rows(const PackedMatrix& matrix, int64_t expert, int64_t begin, int64_t end, const TokenJob& job,
                   void* scratch) {
  float* decoded = static_cast<float*>(scratch);
  const int64_t columns = matrix.columns;
  for (int64_t row = begin; row < end; row += tile_rows) {
    const int64_t rows = std::min(tile_rows, end - row);
    for (int64_t r = 0; r < rows; ++r) decode_row(matrix, expert, row + r, decoded + r * columns);
    int64_t t = 0;
    // Two by two fills the registers of the baseline; one token has nothing to share a load with, so it takes four
    // rows.
    for (; rows == tile_rows && t + 2 <= job.tokens; t += 2)
      run_tile<2, 2>(job, row, t, decoded, columns), run_tile<2, 2>(job, row + 2, t, decoded + 2 * columns, columns);
    for (; rows == tile_rows && t < job.tokens; ++t) run_tile<4, 1>(job, row, t, decoded, columns);
    for (; t < job.tokens; ++t)
      for (int64_t r = 0; r < rows; ++r) run_tile<1, 1>(job, row + r, t, decoded + r * columns, columns);
  }
}

}  // namespace mxpath
