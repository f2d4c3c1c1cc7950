// BF16: 1-8-7, bias 127; the upper half of a float32.
#pragma once
#include <bit>
#include <cstdint>

namespace mxpath {

/// Exact.
constexpr float decode_bf16(uint16_t code) { return std::bit_cast<float>(static_cast<uint32_t>(code) << 16); }

/// Round to nearest even; beyond the largest value to infinity. A NaN keeps sign and upper payload and becomes quiet.
constexpr uint16_t encode_bf16(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x);
  if ((u & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((u >> 16) | 0x40);
  return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

/// x as BF16 holds it.
constexpr float round_bf16(float x) { return decode_bf16(encode_bf16(x)); }

}  // namespace mxpath
