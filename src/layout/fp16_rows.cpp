// fp16_rows: [experts][rows][columns] fp16.
#include <cstring>

#include "formats/fp16.h"
#include "layout/layout_code.h"

namespace mxpath {
namespace {

/// decode_fp16 without branches: a half's bits moved into place are 2^-112 times its value, subnormal or not.
float widen(uint16_t code) {
  const uint32_t magnitude = code & 0x7fffu, sign = static_cast<uint32_t>(code & 0x8000u) << 16;
  const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112f);
  const uint32_t no_number = magnitude >= 0x7c00 ? float_infinity : 0;
  return std::bit_cast<float>(finite | no_number | sign);
}

void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const uint8_t* codes = matrix.data + (expert * matrix.rows + row) * matrix.columns * 2;
  for (int64_t c = 0; c < matrix.columns; ++c) out[c] = widen(load_as<uint16_t>(codes + 2 * c));
}

void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  uint8_t* codes = target.data + (expert * target.rows + row) * target.columns * 2;
  for (int64_t c = 0; c < target.columns; ++c) store_as(codes + 2 * c, encode_fp16(values[c]));
}

void put_stored(const PackTarget& target, int64_t expert, int64_t row, const RawRows& raw) {
  for (int64_t i = 0; i < raw.count; ++i)
    std::memcpy(target.data + (expert * target.rows + row + i) * target.columns * 2, raw.row(i),
                static_cast<size_t>(target.columns * 2));
}

}  // namespace

const LayoutCode fp16_rows_code = {decode, put_floats, put_stored, Encoding::f16};

}  // namespace mxpath
