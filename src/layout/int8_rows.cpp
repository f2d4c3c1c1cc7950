// int8_rows: codes [experts][rows][columns] int8, scales [experts][rows] float.
#include "layout/layout_code.h"
#include "layout/quantize.h"

namespace mxpath {
namespace {

void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const int64_t at = expert * matrix.rows + row;
  const int8_t* codes = reinterpret_cast<const int8_t*>(matrix.data) + at * matrix.columns;
  const float scale = load_as<float>(matrix.scales + 4 * at);
  for (int64_t c = 0; c < matrix.columns; ++c) out[c] = static_cast<float>(codes[c]) * scale;
}

void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  const int64_t at = expert * target.rows + row;
  int8_t* codes = reinterpret_cast<int8_t*>(target.data) + at * target.columns;
  store_as(target.scales + 4 * at, quantize_int8(values, target.columns, codes));
}

}  // namespace

const LayoutCode int8_rows_code = {decode, put_floats, nullptr, {}};

}  // namespace mxpath
