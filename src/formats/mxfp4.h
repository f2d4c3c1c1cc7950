// MXFP4: blocks of 32 E2M1 elements under one E8M0 scale; 4.25 bits per value.
#pragma once
#include <cstddef>
#include <cstdint>

#include "formats/e2m1.h"
#include "formats/e8m0.h"

namespace mxpath {

inline constexpr int mxfp4_block = 32;        ///< elements under one scale
inline constexpr int mxfp4_block_bytes = 16;  ///< bytes of codes per block; the scale lies elsewhere

/// Where element i of a block lies. `adjacent` (Hugging Face, MLX): byte b = element 2b low, 2b+1 high. `halves`
/// (ggml): byte j = element j low, j+16 high.
enum class NibbleOrder : uint8_t { adjacent, halves };

/// Element i of 32, as a code of four bits.
constexpr uint8_t mxfp4_code(const uint8_t* codes, int i, NibbleOrder order) {
  const bool adjacent = order == NibbleOrder::adjacent;
  const int byte = adjacent ? i / 2 : i % 16, shift = 4 * (adjacent ? i % 2 : i / 16);
  return static_cast<uint8_t>((codes[byte] >> shift) & 15);
}

/// Element i of 32 decoded: element × 2^(scale-127), exact in float32, results below 2^-126 included (if the thread
/// does not flush subnormals). Only what float32 cannot hold becomes ±infinity: |element| ≥ 4 at scale 253, ≥ 2 at
/// scale 254. Scale 255: NaN.
constexpr float decode_mxfp4(const uint8_t* codes, uint8_t scale, int i, NibbleOrder order) {
  return decode_e2m1(mxfp4_code(codes, i, order)) * decode_e8m0(scale);
}

/// codes[16] → out[32], values as decode_mxfp4 gives them.
void decode_mxfp4_block(const uint8_t* codes, uint8_t scale, float* out, NibbleOrder order);

/// `blocks` blocks one after the other: codes[16 * blocks], scales[blocks] → out[32 * blocks].
void decode_mxfp4_blocks(const uint8_t* codes, const uint8_t* scales, size_t blocks, float* out, NibbleOrder order);

/// The first element of a block (adjacent) that decodes to a NaN or an infinity; mxfp4_block if there is none.
int first_not_finite_mxfp4(const uint8_t* codes, uint8_t scale);
/// The first of `blocks` blocks that has such an element; `blocks` if there is none. Looks at codes only under scales
/// of 253 and more, so it runs at the speed of the scales.
size_t first_not_finite_mxfp4_block(const uint8_t* codes, const uint8_t* scales, size_t blocks);

/// values[32] → codes[16]; returns the scale byte. Elements are rounded to nearest even and saturate at ±6 × scale. All
/// zeros: byte 0 and codes 0. A NaN or an infinity anywhere: byte 255 and codes 0, the whole block decodes to NaN. A
/// block of finite values that came from decode_mxfp4_block comes back to the same values bit for bit under `ocp` and
/// `ceil` (but -0 in a block of zeros becomes +0); the bytes too if one of its elements is ±4 or ±6 or its scale was 0.
/// A smaller largest element is written as 4 or 6 under a smaller scale. `nearest` does not give blocks back whose
/// largest element is ±0.5, ±1, ±2 or ±4: it halves the scale further and saturates (4 comes back as 3).
uint8_t encode_mxfp4_block(const float* values, uint8_t* codes, ScaleRule rule, NibbleOrder order);

/// Moves the codes of one block from one order to the other; the scale stays. `to` may be `from`.
void repack_mxfp4_block(const uint8_t* from, NibbleOrder from_order, uint8_t* to, NibbleOrder to_order);

}  // namespace mxpath
