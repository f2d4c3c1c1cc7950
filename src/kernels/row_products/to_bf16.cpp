#include "kernels/row_products/to_bf16.h"

#include <algorithm>

#include "formats/bf16.h"
#include "kernels/row_products/row_products.h"

namespace mxpath {

void to_bf16(const float* x, int64_t x_stride, int64_t tokens, int64_t columns, uint16_t* out, ThreadPool& threads) {
  const int64_t stride = bf16_stride(columns);
  threads.for_range(static_cast<size_t>(tokens), items_worth_a_thread(0.15 * static_cast<double>(columns)),
                    [&](size_t begin, size_t end, int) {
                      for (int64_t t = static_cast<int64_t>(begin); t < static_cast<int64_t>(end); ++t) {
                        for (int64_t c = 0; c < columns; ++c) out[t * stride + c] = encode_bf16(x[t * x_stride + c]);
                        std::fill(out + t * stride + columns, out + (t + 1) * stride, uint16_t{0});
                      }
                    });
}

}  // namespace mxpath
