// Where a layout keeps each value of a matrix and its scale: one map that the host and device code read.
#pragma once
#include <cstdint>
#include <initializer_list>

#if defined(__CUDACC__)
#define MXPATH_ANYWHERE __host__ __device__
#else
#define MXPATH_ANYWHERE
#endif

namespace mxpath {

/// A bit of the column or of the row of a value, counted inside its tile.
struct TileBit {
  bool of_row;
  uint8_t bit;
};
constexpr TileBit column_bit(int bit) { return {false, static_cast<uint8_t>(bit)}; }
constexpr TileBit row_bit(int bit) { return {true, static_cast<uint8_t>(bit)}; }

/// How values lie together: tiles of 2^row_bits rows × 2^column_bits columns, one after another, the columns of a
/// matrix first. Bit i of a value's place in its tile is bits[i]. Rows in plain order are tiles of one value.
struct TileOrder {
  static constexpr int most_bits = 16;
  int8_t count = 0, row_bits = 0, column_bits = 0;
  TileBit bits[most_bits] = {};

  constexpr TileOrder() = default;
  /// From the lowest bit; each bit of the rows and of the columns of a tile once.
  constexpr TileOrder(std::initializer_list<TileBit> list) {
    for (const TileBit bit : list) {
      bits[count++] = bit;
      ++(bit.of_row ? row_bits : column_bits);
    }
  }
  MXPATH_ANYWHERE constexpr int64_t place_of(int64_t row, int64_t column) const {
    int64_t place = 0;
    for (int i = 0; i < count; ++i) place |= (((bits[i].of_row ? row : column) >> bits[i].bit) & 1) << i;
    return place;
  }
};

/// Rows and columns are padded to whole tiles. Scales lie apart, for each row of tiles by column and then by row.
struct AddressMap {
  static constexpr int whole_row = 62;
  int bits = 0;                 ///< of a code; 0: there are no values
  int scale_bytes = 0;          ///< 1: E8M0; 4: float; 0: there are no scales
  int scale_shift = whole_row;  ///< log2 of the columns under one scale
  TileOrder tile = {};

  constexpr bool is_plain() const { return bits > 0 && tile.count == 0; }
  constexpr int group() const { return scale_shift == whole_row ? 0 : 1 << scale_shift; }

  MXPATH_ANYWHERE static constexpr int64_t padded(int64_t count, int shift) {
    return (((count - 1) >> shift) + 1) << shift;
  }
  MXPATH_ANYWHERE constexpr int64_t padded_rows(int64_t rows) const { return padded(rows, tile.row_bits); }
  MXPATH_ANYWHERE constexpr int64_t padded_columns(int64_t columns) const { return padded(columns, tile.column_bits); }
  /// Scales of one row.
  MXPATH_ANYWHERE constexpr int64_t scales(int64_t columns) const {
    return scale_shift == whole_row ? 1 : columns >> scale_shift;
  }

  /// The number of a code, counted in codes from the start of the matrices of rows × columns. A code of four bits lies
  /// in half a byte.
  MXPATH_ANYWHERE constexpr int64_t code(int64_t rows, int64_t columns, int64_t expert, int64_t row,
                                         int64_t column) const {
    if (tile.count == 0) return (expert * rows + row) * columns + column;
    const int64_t tile_row = (expert * padded_rows(rows) + row) >> tile.row_bits,
                  tiles = tile_row * (padded_columns(columns) >> tile.column_bits) + (column >> tile.column_bits);
    return (tiles << tile.count) + tile.place_of(row, column);
  }
  /// The number of its scale, counted in scales.
  MXPATH_ANYWHERE constexpr int64_t scale(int64_t rows, int64_t columns, int64_t expert, int64_t row,
                                          int64_t column) const {
    const int64_t padded_row = expert * padded_rows(rows) + row,
                  lane = padded_row & ((int64_t{1} << tile.row_bits) - 1);
    const int64_t line = (padded_row >> tile.row_bits) * scales(columns) + (column >> scale_shift);
    return (line << tile.row_bits) + lane;
  }

  constexpr int64_t code_bytes(int64_t rows, int64_t columns) const {
    return padded_rows(rows) * (padded_columns(columns) * bits / 8);
  }
  constexpr int64_t bytes_of_scales(int64_t rows, int64_t columns) const {
    return padded_rows(rows) * scales(columns) * scale_bytes;
  }
};

}  // namespace mxpath
