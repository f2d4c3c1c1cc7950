// The number formats by name, with the facts that planning and reports need.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mxpath {

enum class NumberFormat : uint8_t {
  fp32,
  tf32,
  fp16,
  bf16,
  fp8_e4m3,
  fp8_e5m2,
  mxfp4,
  mxfp8_e4m3,
  mxfp8_e5m2,
  int8,
  int4,
  nf4
};
inline constexpr int number_format_count = 12;

struct NumberFormatFacts {
  std::string_view name;     ///< "mxfp8_e4m3"
  int element_bits;          ///< bits of storage per value without its scale; 32 for tf32, which is stored as float32
  std::optional<int> block;  ///< values under one scale by default; none where values stand alone or a row shares one
  int scale_bits;            ///< bits of one such scale; 0 without blocks
  float largest;             ///< the largest value of one element before its scale
  float smallest;            ///< smallest positive element before its scale; subnormals included
};

/// What is fixed about a format. int8 has one scale per row, int4 one float32 scale for each 32 values.
const NumberFormatFacts& facts_of(NumberFormat format);

/// "fp32", "bf16", "mxfp4", …; the name that parse_number_format reads.
std::string_view name_of(NumberFormat format);

/// Bits of storage per value, scales included: bf16 16, mxfp4 4.25, mxfp8 8.25, nf4 4.5, int4 5, int8 8 (one scale per
/// row).
double bits_per_value(NumberFormat format);

/// The names of name_of, without regard to case, and the common other spellings (float32, float16, half, bfloat16, f32,
/// e4m3, float8_e4m3fn, mxfp8, …); none for anything else.
std::optional<NumberFormat> parse_number_format(std::string_view text);

}  // namespace mxpath
