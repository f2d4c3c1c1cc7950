// What becomes of values in a layout, by the scalar code of src/formats: the second opinion on every packed row.
#include <vector>

#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/fp8_row.h"
#include "formats/int4.h"
#include "formats/int8.h"
#include "formats/mxfp4.h"
#include "formats/nf4.h"
#include "layout/packed_matrix.h"

namespace mxpath {
namespace {

void through_mxfp4(std::span<float> row) {
  uint8_t codes[mxfp4_block_bytes];
  for (size_t begin = 0; begin < row.size(); begin += mxfp4_block) {
    const uint8_t scale = encode_mxfp4_block(&row[begin], codes, ScaleRule::ceil, NibbleOrder::adjacent);
    decode_mxfp4_block(codes, scale, &row[begin], NibbleOrder::adjacent);
  }
}

void through_int8(std::span<float> row) {
  std::vector<int8_t> codes(row.size());
  float scale = 0;
  encode_int8_groups(row.data(), row.size(), row.size(), codes.data(), &scale);
  decode_int8_groups(codes.data(), &scale, row.size(), row.size(), row.data());
}

void through_fp8(std::span<float> row, bool e4m3) {
  std::vector<uint8_t> codes(row.size());
  const float scale = (e4m3 ? encode_e4m3_row : encode_e5m2_row)(row.data(), row.size(), codes.data());
  (e4m3 ? decode_e4m3_row : decode_e5m2_row)(codes.data(), scale, row.size(), row.data());
}

void through_int4(std::span<float> row, size_t group) {
  std::vector<uint8_t> codes(row.size() / 2);
  std::vector<float> scales(row.size() / group);
  encode_int4_groups(row.data(), row.size(), group, codes.data(), scales.data());
  decode_int4_groups(codes.data(), scales.data(), row.size(), group, row.data());
}

void through_nf4(std::span<float> row, size_t block) {
  std::vector<uint8_t> codes(row.size() / 2);
  std::vector<float> absmax(row.size() / block);
  encode_nf4_blocks(row.data(), row.size(), codes.data(), absmax.data(), block);
  decode_nf4_blocks(codes.data(), absmax.data(), row.size(), row.data(), block);
}

}  // namespace

void quantised_reference(Layout layout, std::span<float> row) {
  const size_t group = static_cast<size_t>(group_of(layout));
  switch (format_of(layout)) {
    case NumberFormat::bf16:
      for (float& value : row) value = round_bf16(value);
      break;
    case NumberFormat::fp16:
      for (float& value : row) value = round_fp16(value);
      break;
    case NumberFormat::mxfp4: return through_mxfp4(row);
    case NumberFormat::int8: return through_int8(row);
    case NumberFormat::fp8_e4m3: return through_fp8(row, true);
    case NumberFormat::fp8_e5m2: return through_fp8(row, false);
    case NumberFormat::int4: return through_int4(row, group);
    case NumberFormat::nf4: return through_nf4(row, group);
    default: break;  // fp32 changes nothing
  }
}

}  // namespace mxpath
