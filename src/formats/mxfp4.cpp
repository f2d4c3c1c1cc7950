#include "formats/mxfp4.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "formats/largest_magnitude.h"

namespace mxpath {
namespace {

void put_code(uint8_t* codes, int i, uint8_t code, NibbleOrder order) {
  const bool adjacent = order == NibbleOrder::adjacent;
  const int byte = adjacent ? i / 2 : i % 16, shift = 4 * (adjacent ? i % 2 : i / 16);
  codes[byte] = static_cast<uint8_t>(codes[byte] | (code << shift));
}

}  // namespace

void decode_mxfp4_block(const uint8_t* codes, uint8_t scale, float* out, NibbleOrder order) {
  const float factor = decode_e8m0(scale);
  const int low = order == NibbleOrder::adjacent ? 2 : 1, high = order == NibbleOrder::adjacent ? 1 : 16;
  for (int b = 0; b < mxfp4_block_bytes; ++b) {
    out[low * b] = decode_e2m1(codes[b]) * factor;
    out[low * b + high] = decode_e2m1(static_cast<uint8_t>(codes[b] >> 4)) * factor;
  }
}

void decode_mxfp4_blocks(const uint8_t* codes, const uint8_t* scales, size_t blocks, float* out, NibbleOrder order) {
  for (size_t b = 0; b < blocks; ++b)
    decode_mxfp4_block(codes + mxfp4_block_bytes * b, scales[b], out + mxfp4_block * b, order);
}

int first_not_finite_mxfp4(const uint8_t* codes, uint8_t scale) {
  for (int i = 0; i < mxfp4_block; ++i)
    if (!std::isfinite(decode_mxfp4(codes, scale, i, NibbleOrder::adjacent))) return i;
  return mxfp4_block;
}

size_t first_not_finite_mxfp4_block(const uint8_t* codes, const uint8_t* scales, size_t blocks) {
  constexpr uint8_t first_to_overflow = 253;  // 6 * 2^(252-127) is a float
  constexpr size_t run = 4096;
  for (size_t begin = 0; begin < blocks; begin += run) {
    const size_t end = std::min(blocks, begin + run);
    uint8_t most = 0;
    for (size_t b = begin; b < end; ++b) most = std::max(most, scales[b]);
    if (most < first_to_overflow) continue;
    for (size_t b = begin; b < end; ++b)
      if (scales[b] >= first_to_overflow &&
          first_not_finite_mxfp4(codes + b * mxfp4_block_bytes, scales[b]) < mxfp4_block)
        return b;
  }
  return blocks;
}

uint8_t encode_mxfp4_block(const float* values, uint8_t* codes, ScaleRule rule, NibbleOrder order) {
  std::memset(codes, 0, mxfp4_block_bytes);
  const float amax = largest_magnitude(values, mxfp4_block);
  const uint8_t scale = block_scale(amax, largest_e2m1, rule);
  if (scale == e8m0_nan || amax == 0) return scale;
  for (int i = 0; i < mxfp4_block; ++i)
    // In double: 2^127 times a small float must not round before the element does.
    put_code(codes, i, encode_e2m1(static_cast<float>(std::ldexp(static_cast<double>(values[i]), 127 - scale))), order);
  return scale;
}

void repack_mxfp4_block(const uint8_t* from, NibbleOrder from_order, uint8_t* to, NibbleOrder to_order) {
  uint8_t codes[mxfp4_block_bytes] = {};
  for (int i = 0; i < mxfp4_block; ++i) put_code(codes, i, mxfp4_code(from, i, from_order), to_order);
  std::memcpy(to, codes, sizeof codes);
}

}  // namespace mxpath
