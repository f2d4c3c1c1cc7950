// bf16_rows: [experts][rows][columns] bf16.
#include <cstring>

#include "formats/bf16.h"
#include "layout/layout_code.h"

namespace mxpath {
namespace {

void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const uint8_t* codes = matrix.data + (expert * matrix.rows + row) * matrix.columns * 2;
  for (int64_t c = 0; c < matrix.columns; ++c) out[c] = decode_bf16(load_as<uint16_t>(codes + 2 * c));
}

void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  uint8_t* codes = target.data + (expert * target.rows + row) * target.columns * 2;
  for (int64_t c = 0; c < target.columns; ++c) store_as(codes + 2 * c, encode_bf16(values[c]));
}

void put_stored(const PackTarget& target, int64_t expert, int64_t row, const RawRows& raw) {
  for (int64_t i = 0; i < raw.count; ++i)
    std::memcpy(target.data + (expert * target.rows + row + i) * target.columns * 2, raw.row(i),
                static_cast<size_t>(target.columns * 2));
}

}  // namespace

const LayoutCode bf16_rows_code = {decode, put_floats, put_stored, Encoding::bf16};

}  // namespace mxpath
