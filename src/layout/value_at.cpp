// Any value of any layout by its map and the scalar code of src/formats: slow, and all that a layout needs to be
// decoded.
#include "formats/bf16.h"
#include "formats/e2m1.h"
#include "formats/e8m0.h"
#include "formats/fp16.h"
#include "formats/fp8.h"
#include "formats/int4.h"
#include "formats/nf4.h"
#include "layout/layout_code.h"

namespace mxpath {
namespace {

/// Code i, before its scale. NF4 has the first of two codes in the upper half of a byte, MXFP4 and INT4 in the lower.
float code_at(NumberFormat format, const uint8_t* codes, int64_t i) {
  const auto nibble = [&](int64_t n) { return static_cast<uint8_t>(codes[n >> 1] >> (4 * (n & 1)) & 15); };
  switch (format) {
    case NumberFormat::fp32: return load_as<float>(codes + 4 * i);
    case NumberFormat::bf16: return decode_bf16(load_as<uint16_t>(codes + 2 * i));
    case NumberFormat::fp16: return decode_fp16(load_as<uint16_t>(codes + 2 * i));
    case NumberFormat::fp8_e4m3: return decode_e4m3(codes[i]);
    case NumberFormat::fp8_e5m2: return decode_e5m2(codes[i]);
    case NumberFormat::int8: return static_cast<float>(static_cast<int8_t>(codes[i]));
    case NumberFormat::mxfp4: return decode_e2m1(nibble(i));
    case NumberFormat::int4: return decode_int4(nibble(i), 1.0f);
    case NumberFormat::nf4: return decode_nf4(nibble(i ^ 1));
    default: return 0;  // no layout holds it
  }
}

}  // namespace

float value_at(const PackedMatrix& m, int64_t expert, int64_t row, int64_t column) {
  const LayoutRow& layout = row_of(m.layout);
  const AddressMap& map = layout.map;
  const float value = code_at(layout.format, m.data, map.code(m.rows, m.columns, expert, row, column));
  if (map.scale_bytes == 0) return value;
  const int64_t scale = map.scale(m.rows, m.columns, expert, row, column);
  return value * (map.scale_bytes == 1 ? decode_e8m0(m.scales[scale]) : load_as<float>(m.scales + 4 * scale));
}

}  // namespace mxpath
