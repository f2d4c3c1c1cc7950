// Rows as the checkpoint stores them: to floats, and a search for what cannot be a weight.
#include <algorithm>
#include <cstring>

#include "formats/bf16.h"
#include "formats/e2m1.h"
#include "formats/e8m0.h"
#include "formats/fp16.h"
#include "formats/mxfp4.h"
#include "layout/layout_code.h"

namespace mxpath {
namespace {

/// Both values of a byte of codes.
struct PairTable {
  float pair[256][2];
  constexpr PairTable() : pair() {
    for (int byte = 0; byte < 256; ++byte)
      pair[byte][0] = e2m1_values[byte & 15], pair[byte][1] = e2m1_values[byte >> 4];
  }
};
constexpr PairTable pairs;

/// Finds the first of `count` values whose bits under `mask` are all set: an exponent of ones.
template <class T>
int64_t first_all_ones(const uint8_t* values, int64_t count, T mask) {
  unsigned found = 0;  // no early exit inside: the compiler makes this a vector loop
  for (int64_t i = 0; i < count; ++i)
    found |= (load_as<T>(values + i * static_cast<int64_t>(sizeof(T))) & mask) == mask;
  if (!found) return -1;
  for (int64_t i = 0;; ++i)
    if ((load_as<T>(values + i * static_cast<int64_t>(sizeof(T))) & mask) == mask) return i;
}

}  // namespace

void decode_mxfp4_row(const uint8_t* codes, const uint8_t* scales, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, codes += 16, out += 32) {
    const float scale = decode_e8m0(scales[b]);
    for (int i = 0; i < 16; ++i) {
      const float* pair = pairs.pair[codes[i]];
      out[2 * i] = pair[0] * scale, out[2 * i + 1] = pair[1] * scale;
    }
  }
}

uint8_t encode_block(const float* values, uint8_t* codes) {
  uint32_t largest = 0;
  for (int i = 0; i < 32; ++i) largest = std::max(largest, load_as<uint32_t>(values + i) & 0x7fffffff);
  const uint8_t scale = block_scale(load_as<float>(&largest), largest_e2m1, ScaleRule::ceil);
  // A scale whose inverse is no normal float, and blocks without numbers, go the careful way.
  if (scale == 0 || scale > 252) return encode_mxfp4_block(values, codes, ScaleRule::ceil, NibbleOrder::adjacent);
  const uint32_t inverse_bits = static_cast<uint32_t>(254 - scale) << 23;
  const float inverse = load_as<float>(&inverse_bits);
  uint8_t code[32];
  for (int i = 0; i < 32; ++i) {
    const float x = values[i] * inverse, m = x < 0 ? -x : x;
    // Halfway cases go to the even code: exclusive thresholds below an even code's interval, inclusive ones above an
    // odd code's.
    const int magnitude =
        (m > 0.25f) + (m >= 0.75f) + (m > 1.25f) + (m >= 1.75f) + (m > 2.5f) + (m >= 3.5f) + (m > 5.0f);
    code[i] = static_cast<uint8_t>(magnitude | (load_as<uint32_t>(values + i) >> 28 & 8));
  }
  for (int b = 0; b < 16; ++b) codes[b] = static_cast<uint8_t>(code[2 * b] | code[2 * b + 1] << 4);
  return scale;
}

void decode_raw_row(const RawRows& raw, int64_t row, float* out) {
  const uint8_t* from = raw.row(row);
  switch (raw.encoding) {
    case Encoding::bf16:
      for (int64_t c = 0; c < raw.columns; ++c) out[c] = decode_bf16(load_as<uint16_t>(from + 2 * c));
      break;
    case Encoding::f16:
      for (int64_t c = 0; c < raw.columns; ++c) out[c] = decode_fp16(load_as<uint16_t>(from + 2 * c));
      break;
    case Encoding::f32: std::memcpy(out, from, static_cast<size_t>(raw.columns) * 4); break;
    case Encoding::mxfp4_blocks: decode_mxfp4_row(from, raw.row_scales(row), raw.columns / 32, out); break;
  }
}

int64_t first_bad_column(const RawRows& raw, int64_t row) {
  switch (raw.encoding) {
    case Encoding::bf16: return first_all_ones<uint16_t>(raw.row(row), raw.columns, 0x7f80);
    case Encoding::f16: return first_all_ones<uint16_t>(raw.row(row), raw.columns, 0x7c00);
    case Encoding::f32: return first_all_ones<uint32_t>(raw.row(row), raw.columns, 0x7f800000);
    case Encoding::mxfp4_blocks: break;
  }
  const auto blocks = static_cast<size_t>(raw.columns / mxfp4_block);
  const size_t block = first_not_finite_mxfp4_block(raw.row(row), raw.row_scales(row), blocks);
  return block == blocks ? -1 : static_cast<int64_t>(block) * mxfp4_block;
}

}  // namespace mxpath
