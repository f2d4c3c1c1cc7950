// mxfp4_rows: codes [experts][rows][columns/32][16], scales [experts][rows][columns/32], as stored.
#include <cstring>

#include "layout/layout_code.h"

namespace mxpath {
namespace {

void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const int64_t blocks = matrix.columns / 32, at = (expert * matrix.rows + row) * blocks;
  decode_mxfp4_row(matrix.data + at * 16, matrix.scales + at, blocks, out);
}

void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  const int64_t blocks = target.columns / 32, at = (expert * target.rows + row) * blocks;
  for (int64_t b = 0; b < blocks; ++b)
    target.scales[at + b] = encode_block(values + 32 * b, target.data + (at + b) * 16);
}

void put_stored(const PackTarget& target, int64_t expert, int64_t row, const RawRows& raw) {
  const int64_t blocks = target.columns / 32;
  for (int64_t i = 0; i < raw.count; ++i) {
    const int64_t at = (expert * target.rows + row + i) * blocks;
    std::memcpy(target.data + at * 16, raw.row(i), static_cast<size_t>(blocks * 16));
    std::memcpy(target.scales + at, raw.row_scales(i), static_cast<size_t>(blocks));
  }
}

}  // namespace

const LayoutCode mxfp4_rows_code = {decode, put_floats, put_stored, Encoding::mxfp4_blocks};

}  // namespace mxpath
