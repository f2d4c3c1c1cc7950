// What the file of each layout supplies; only src/layout includes this.
#pragma once
#include <cstdint>
#include <optional>

#include "checkpoint/manifest.h"
#include "layout/packed_matrix.h"
#include "plan/layout_table.h"

namespace mxpath {

inline constexpr int64_t rows_per_group = 16;  ///< of the …_rows16 layouts
constexpr int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

/// A PackedMatrix whose bytes are being written.
struct PackTarget {
  Layout layout = Layout::none;
  int64_t experts = 1, rows = 0, columns = 0;
  uint8_t* data = nullptr;
  uint8_t* scales = nullptr;
  PackedMatrix view() const { return {layout, experts, rows, columns, data, scales}; }
};

/// Consecutive rows of one expert, each contiguous, in an encoding of the checkpoint. Nothing is aligned.
struct RawRows {
  Encoding encoding = Encoding::bf16;
  int64_t count = 0, columns = 0;
  const uint8_t* data = nullptr;  // row_bytes apart
  int64_t row_bytes = 0;
  const uint8_t* scales = nullptr;  // columns / 32 apart; mxfp4_blocks only
  const uint8_t* row(int64_t i) const { return data + i * row_bytes; }
  const uint8_t* row_scales(int64_t i) const { return scales + i * (columns / 32); }
};

/// One layout as functions; its sizes and places are those of its row (plan/layout_table.h).
struct LayoutCode {
  /// Null: value by value through the map of the row.
  void (*decode_row)(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out);
  void (*put_floats)(const PackTarget& target, int64_t expert, int64_t row, const float* values);
  /// Moves rows as they are stored to rows [row, row + raw.count) of the target, all inside one group of 16; only for
  /// the encoding `direct`; null where no encoding of a checkpoint is held as it is.
  void (*put_stored)(const PackTarget& target, int64_t expert, int64_t row, const RawRows& raw);
  std::optional<Encoding> direct;
};
/// layout is none of none and any.
const LayoutCode& layout_code(Layout layout);

/// Each layout's own file defines NAME_code.
#define MXPATH_DECLARE_CODE(name) extern const LayoutCode name##_code;
MXPATH_LAYOUTS(MXPATH_DECLARE_CODE)
#undef MXPATH_DECLARE_CODE

/// One row of the file as floats.
void decode_raw_row(const RawRows& raw, int64_t row, float* out);
/// The first column that is a NaN or an infinity (mxfp4_blocks: the first of the block that has one), or -1.
int64_t first_bad_column(const RawRows& raw, int64_t row);

/// `blocks` MXFP4 blocks → out[32 * blocks]; the same numbers as formats/mxfp4, but fast enough for whole layers.
void decode_mxfp4_row(const uint8_t* codes, const uint8_t* scales, int64_t blocks, float* out);
/// encode_mxfp4_block with ScaleRule::ceil (the rule of the published checkpoints) and adjacent nibbles, likewise.
uint8_t encode_block(const float* values, uint8_t* codes);

template <class T>
T load_as(const void* from) {
  T value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void store_as(void* to, T value) {
  __builtin_memcpy(to, &value, sizeof value);
}

}  // namespace mxpath
