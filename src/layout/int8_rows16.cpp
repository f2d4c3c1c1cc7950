// int8_rows16: codes [experts][rows/16][columns/4][16 rows][4 columns] int8, scales [experts][rows up to a multiple of
// 16] float. Both ends are padded with zeros. A 64-byte line is 16 output rows and four adjacent columns: what one
// VPDPBUSD takes, and four byte positions of 32-bit lanes for a kernel that widens to float.
#include <vector>

#include "layout/layout_code.h"
#include "layout/quantize.h"

namespace mxpath {
namespace {

constexpr int64_t line_bytes = 64, line_columns = 4;

/// Where the first four columns of a row lie (the next four follow a line further), and its scale.
struct Place {
  int64_t codes, scale;
};
Place place_of(int64_t rows, int64_t columns, int64_t expert, int64_t row) {
  const AddressMap& map = row_of(Layout::int8_rows16).map;
  return {map.code(rows, columns, expert, row, 0), map.scale(rows, columns, expert, row, 0) * 4};
}

void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const Place at = place_of(matrix.rows, matrix.columns, expert, row);
  const int8_t* codes = reinterpret_cast<const int8_t*>(matrix.data) + at.codes;
  const float scale = load_as<float>(matrix.scales + at.scale);
  for (int64_t c = 0; c < matrix.columns; ++c)
    out[c] = static_cast<float>(codes[c / line_columns * line_bytes + c % line_columns]) * scale;
}

void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  const Place at = place_of(target.rows, target.columns, expert, row);
  std::vector<int8_t> codes(static_cast<size_t>(round_up(target.columns, line_columns)));
  store_as(target.scales + at.scale, quantize_int8(values, target.columns, codes.data()));
  uint8_t* lines = target.data + at.codes;
  for (int64_t c = 0; c < target.columns; c += line_columns)
    store_as(lines + c / line_columns * line_bytes, load_as<uint32_t>(codes.data() + c));
}

}  // namespace

const LayoutCode int8_rows16_code = {decode, put_floats, nullptr, {}};

}  // namespace mxpath
