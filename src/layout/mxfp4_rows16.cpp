// mxfp4_rows16: for each group of 16 rows and each block of 32 columns 256 bytes of codes; 16 scale bytes, one per row,
// lie apart
// ([experts][rows/16][columns/32][16]). Of the four 64-byte lines of a block line q holds columns 8q … 8q+7, and its
// 32-bit lane r belongs to row r. Nibble p of a lane (low first) is column 8q + 2p for p < 4 and column 8q + 2(p-4) + 1
// for p ≥ 4.
//
// Why: after a shift of 16-bit words by 4j, word 2r is column 8q+2j and word 2r+1 is column 8q+2j+1 of row r, so one
// table lookup by word (VPERMW) makes the operand of VDPBF16PS; after a shift of 32-bit lanes by 4p one lookup by lane
// (VPERMPS) makes 16 rows of one column as float. Rows beyond the last are zeros under scale 0.
#include "formats/mxfp4.h"
#include "layout/layout_code.h"

namespace mxpath {
namespace {

constexpr int64_t block_bytes = 256;

/// Where block 0 of a row lies: its lane in the first line, and its scale.
struct Place {
  int64_t codes, scale;
};
Place place_of(int64_t rows, int64_t columns, int64_t expert, int64_t row) {
  const AddressMap& map = row_of(Layout::mxfp4_rows16).map;
  return {map.code(rows, columns, expert, row, 0) / 2, map.scale(rows, columns, expert, row, 0)};
}

/// Four bytes of the file (columns c … c+7, two per byte, low nibble first) as one lane: even columns in the lower
/// half. T: uint32_t, or several of them in a register.
template <class T>
constexpr T lane_from_stored(T stored) {
  const auto gather = [](T nibbles) {
    nibbles = (nibbles | nibbles >> 4) & 0x00ff00ffu;
    return (nibbles | nibbles >> 8) & 0xffffu;
  };
  return gather(stored & 0x0f0f0f0fu) | gather(stored >> 4 & 0x0f0f0f0fu) << 16;
}
static_assert(lane_from_stored(0x76543210u) == 0x75316420u);
typedef uint32_t Lanes4 __attribute__((vector_size(16)));

/// The inverse.
constexpr uint32_t stored_from_lane(uint32_t lane) {
  auto spread = [](uint32_t half) {
    half = (half | half << 8) & 0x00ff00ff;
    return (half | half << 4) & 0x0f0f0f0f;
  };
  return spread(lane & 0xffff) | spread(lane >> 16) << 4;
}
static_assert(stored_from_lane(0x75316420) == 0x76543210);

void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const Place at = place_of(matrix.rows, matrix.columns, expert, row);
  for (int64_t b = 0; b < matrix.columns / 32; ++b) {
    uint8_t codes[16];
    for (int q = 0; q < 4; ++q)
      store_as(codes + 4 * q, stored_from_lane(load_as<uint32_t>(matrix.data + at.codes + b * block_bytes + q * 64)));
    decode_mxfp4_row(codes, matrix.scales + at.scale + b * rows_per_group, 1, out + 32 * b);
  }
}

/// Row r of a block: 16 bytes of the file into the row's lane of four lines.
void put_lanes(uint8_t* lines, const uint8_t* codes) {
  const Lanes4 lanes = lane_from_stored(load_as<Lanes4>(codes));
  for (int q = 0; q < 4; ++q) store_as(lines + q * 64, lanes[q]);
}

void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  const Place at = place_of(target.rows, target.columns, expert, row);
  for (int64_t b = 0; b < target.columns / 32; ++b) {
    uint8_t codes[16];
    const uint8_t scale = encode_block(values + 32 * b, codes);
    put_lanes(target.data + at.codes + b * block_bytes, codes);
    target.scales[at.scale + b * rows_per_group] = scale;
  }
}

void put_stored(const PackTarget& target, int64_t expert, int64_t row, const RawRows& raw) {
  // Everything in locals: a store of bytes might alias any member. Block by block over the rows: a block's 256 bytes
  // stay in the cache.
  const Place at = place_of(target.rows, target.columns, expert, row);
  const int64_t blocks = raw.columns / 32, count = raw.count, row_bytes = raw.row_bytes;
  const uint8_t *codes = raw.data, *scales = raw.scales;
  uint8_t *lines = target.data + at.codes, *bytes = target.scales + at.scale;
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t i = 0; i < count; ++i) {
      put_lanes(lines + b * block_bytes + 4 * i, codes + i * row_bytes + 16 * b);
      bytes[b * rows_per_group + i] = scales[i * blocks + b];
    }
}

}  // namespace

const LayoutCode mxfp4_rows16_code = {decode, put_floats, put_stored, Encoding::mxfp4_blocks};

}  // namespace mxpath
