// A block for each token. BF16 rows in words of 16 bytes, everything else value by value.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/weights.cuh"
#include "kernels/cuda_row.h"
#include "kernels/embed/embed.h"

namespace mxpath {
namespace {

constexpr int threads = 256;

__global__ void __launch_bounds__(threads) embed_bf16(WeightView table, const int32_t* tokens, float* y) {
  const uint4* row = reinterpret_cast<const uint4*>(row_of<WordFormat::bf16>(table, 0, tokens[blockIdx.x]).codes);
  float4* to = reinterpret_cast<float4*>(y + blockIdx.x * table.columns);
  for (int64_t i = threadIdx.x; i < table.columns / 8; i += threads) {
    const uint4 words = row[i];
    to[2 * i] = {float_of_bits(words.x << 16), float_of_bits(words.x & 0xffff0000u), float_of_bits(words.y << 16),
                 float_of_bits(words.y & 0xffff0000u)};
    to[2 * i + 1] = {float_of_bits(words.z << 16), float_of_bits(words.z & 0xffff0000u), float_of_bits(words.w << 16),
                     float_of_bits(words.w & 0xffff0000u)};
  }
}

__global__ void __launch_bounds__(threads) embed_any(WeightView table, const int32_t* tokens, float* y) {
  const int64_t row = tokens[blockIdx.x];
  for (int64_t i = threadIdx.x; i < table.columns; i += threads)
    y[blockIdx.x * table.columns + i] = weight_at(table, 0, row, i);
}

const void* const images[] = {reinterpret_cast<const void*>(&embed_bf16), reinterpret_cast<const void*>(&embed_any)};

}  // namespace

void embed_cuda_portable(const EmbedArgs& args) {
  const WeightView table = view_of(*args.table);
  const bool wide = readable_format(table) == WordFormat::bf16 && on_16_bytes(args.y, table.columns);
  launch(*args.stream, "embed.cuda.portable.f32", wide ? embed_bf16 : embed_any, dim3(blocks_for(args.count, 1)),
         dim3(threads), table, args.tokens, args.y);
}
KernelImages embed_cuda_portable_images() { return images; }

}  // namespace mxpath
