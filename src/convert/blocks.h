// MXFP4 blocks to and from BF16 at memory speed, eight rows at a time.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "convert/loss.h"
#include "formats/e8m0.h"

namespace mxpath::convert {

/// Rows of MXFP4, elements adjacent (NibbleOrder::adjacent): row r has its codes at codes + r * 16 * blocks, its scales
/// at scales + r * blocks.
struct BlockRows {
  const uint8_t* codes;
  const uint8_t* scales;
};

/// out[c * out_stride + r] = element c of row r as BF16, for `rows` rows of 32 * `blocks` elements. The very bytes that
/// transformers' dequantisation gives (tests/data/convert): exact, but infinity for what BF16 cannot hold (|element| ≥
/// 4 at scale 253, ≥ 2 at 254).
void decode_transposed(BlockRows in, size_t rows, size_t blocks, uint16_t* out, size_t out_stride);

/// block_scale of every BF16 magnitude as amax.
using ScaleTable = std::array<uint8_t, 1 << 15>;
const ScaleTable& scale_table(ScaleRule rule);

/// The way back: codes and scales of row r are those that encode_mxfp4_block gives for in[c * in_stride + r]. Adds to
/// `loss`.
void encode_transposed(const uint16_t* in, size_t in_stride, size_t rows, size_t blocks, ScaleRule rule, uint8_t* codes,
                       uint8_t* scales, Loss& loss);

/// One row of 32 * blocks floats.
void encode_row(const float* in, size_t blocks, ScaleRule rule, uint8_t* codes, uint8_t* scales, Loss& loss);

/// 16 bytes of codes from the order of ggml (NibbleOrder::halves) to that of the checkpoints.
void halves_to_adjacent(const uint8_t* from, uint8_t* to);

/// out[c * out_stride + r] = in[r * columns + c].
void transpose(const uint16_t* in, size_t rows, size_t columns, uint16_t* out, size_t out_stride);

/// Index of the first BF16 number that is NaN or infinite; `count` if there is none.
size_t first_not_finite(const uint16_t* values, size_t count);

}  // namespace mxpath::convert
