// bf16_rows16: [experts][rows/16][columns/2][16 rows][2 columns] bf16, both ends padded with zeros. A line of 64 bytes
// is what one VDPBF16PS takes: 16 output rows, two adjacent columns.
#include "formats/bf16.h"
#include "layout/layout_code.h"

namespace mxpath {
namespace {

/// Where the first pair of a row lies; the next pairs follow 64 bytes apart.
int64_t row_offset(int64_t rows, int64_t columns, int64_t expert, int64_t row) {
  return row_of(Layout::bf16_rows16).map.code(rows, columns, expert, row, 0) * 2;
}

void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const uint8_t* pairs = matrix.data + row_offset(matrix.rows, matrix.columns, expert, row);
  for (int64_t c = 0; c < matrix.columns; ++c) out[c] = decode_bf16(load_as<uint16_t>(pairs + c / 2 * 64 + c % 2 * 2));
}

void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  uint8_t* pairs = target.data + row_offset(target.rows, target.columns, expert, row);
  for (int64_t c = 0; c < target.columns; ++c) store_as(pairs + c / 2 * 64 + c % 2 * 2, encode_bf16(values[c]));
}

void put_stored(const PackTarget& target, int64_t expert, int64_t row, const RawRows& raw) {
  uint8_t* pairs = target.data + row_offset(target.rows, target.columns, expert, row);
  // In locals: a store of bytes might alias any member. Pair by pair over the rows: a target line is written once, not
  // sixteen times.
  const uint8_t* rows = raw.data;
  const int64_t whole = raw.columns / 2, count = raw.count, row_bytes = raw.row_bytes;
  for (int64_t p = 0; p < whole; ++p)
    for (int64_t i = 0; i < count; ++i)
      store_as(pairs + p * 64 + i * 4, load_as<uint32_t>(rows + i * row_bytes + 4 * p));
  if (raw.columns % 2 == 0) return;
  const int64_t last = raw.columns - 1;
  for (int64_t i = 0; i < raw.count; ++i)
    store_as(pairs + last / 2 * 64 + i * 4, load_as<uint16_t>(raw.row(i) + 2 * last));
}

}  // namespace

const LayoutCode bf16_rows16_code = {decode, put_floats, put_stored, Encoding::bf16};

}  // namespace mxpath
