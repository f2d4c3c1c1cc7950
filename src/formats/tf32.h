// TF32: the 1-8-10 float that tensor cores see of a float32. FP32 itself needs no code: a float is its own encoding.
#pragma once
#include "formats/small_float.h"

namespace mxpath {

/// What `cvt.rna.tf32.f32` stores: nearest, ties away from zero, low 13 bits clear. Values beyond the largest become
/// infinity; a NaN stays a (quiet) NaN.
constexpr float round_tf32(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x);
  if ((u & 0x7fffffff) > float_infinity) return std::bit_cast<float>((u | 0x400000) & ~0x1fffu);
  return std::bit_cast<float>((u + ((u & 0x7fffffff) < float_infinity ? 0x1000 : 0)) & ~0x1fffu);
}

/// What a tensor core does with a float32 that nobody rounded: it ignores the low 13 bits. A NaN stays a (quiet) NaN
/// here, even when only those bits say that it is one.
constexpr float truncate_tf32(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x), quiet = (u & 0x7fffffff) > float_infinity ? 0x400000 : 0;
  return std::bit_cast<float>((u | quiet) & ~0x1fffu);
}

}  // namespace mxpath
