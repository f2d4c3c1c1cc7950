// fp8_e4m3_rows, fp8_e5m2_rows: codes [experts][rows][columns], scales [experts][rows] float.
#include "formats/fp8.h"
#include "layout/layout_code.h"
#include "layout/quantize.h"

namespace mxpath {
namespace {

/// The value of every code.
struct ValueTable {
  float value[256];
  constexpr explicit ValueTable(float (*decode)(uint8_t)) : value() {
    for (int code = 0; code < 256; ++code) value[code] = decode(static_cast<uint8_t>(code));
  }
};
constexpr ValueTable e4m3(decode_e4m3), e5m2(decode_e5m2);

template <const ValueTable& table>
void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const int64_t at = expert * matrix.rows + row;
  const uint8_t* codes = matrix.data + at * matrix.columns;
  const float scale = load_as<float>(matrix.scales + 4 * at);
  for (int64_t c = 0; c < matrix.columns; ++c) out[c] = table.value[codes[c]] * scale;
}

template <float (*quantize)(const float*, int64_t, uint8_t*)>
void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  const int64_t at = expert * target.rows + row;
  store_as(target.scales + 4 * at, quantize(values, target.columns, target.data + at * target.columns));
}

}  // namespace

const LayoutCode fp8_e4m3_rows_code = {decode<e4m3>, put_floats<quantize_e4m3>, nullptr, {}};
const LayoutCode fp8_e5m2_rows_code = {decode<e5m2>, put_floats<quantize_e5m2>, nullptr, {}};

}  // namespace mxpath
