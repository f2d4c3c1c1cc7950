// The weight layouts that exist, and how many bytes each takes. What they look like inside is src/layout.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "formats/number_format.h"

namespace mxpath {

// clang-format off
/// The layouts, in the order of the enum. A layout is a line here, its row in layout_kind.cpp and its file in
/// src/layout.
///   fp32_rows      [experts][rows][columns] float
///   bf16_rows      [experts][rows][columns] bf16: as stored
///   bf16_rows16    [experts][rows/16][columns/2][16 rows][2 columns] bf16: one 64-byte line feeds 16 output rows
///   mxfp4_rows     codes [experts][rows][columns/32][16], scales [experts][rows][columns/32]: as stored
///   mxfp4_rows16   [experts][rows/16][columns/32]: 16 scale bytes apart, 256 code bytes (src/layout/mxfp4_rows16.cpp)
///   fp16_rows      [experts][rows][columns] fp16
///   fp8_e4m3_rows  codes [experts][rows][columns], scales [experts][rows] float: the largest magnitude of a
///                  row is 448 × its scale
///   fp8_e5m2_rows  the same with 57344
///   int8_rows      codes [experts][rows][columns] int8, scales [experts][rows] float
///   int8_rows16    codes [experts][rows/16][columns/4][16 rows][4 columns] int8, scales [experts][rows up to a
///                  multiple of 16] float
///   int4_g32_rows  codes [experts][rows][columns/2], column 2b in the low nibble of byte b, scales
///                  [experts][rows][columns/32] float
///   int4_g64_rows  the same with groups of 64
///   nf4_g32_rows   codes [experts][rows][columns/2], column 2b in the HIGH nibble of byte b, scales
///                  [experts][rows][columns/32] float
///   nf4_g64_rows   the same with groups of 64
#define MXPATH_LAYOUTS(LAYOUT) \
  LAYOUT(fp32_rows)            \
  LAYOUT(bf16_rows)            \
  LAYOUT(bf16_rows16)          \
  LAYOUT(mxfp4_rows)           \
  LAYOUT(mxfp4_rows16)         \
  LAYOUT(fp16_rows)            \
  LAYOUT(fp8_e4m3_rows)        \
  LAYOUT(fp8_e5m2_rows)        \
  LAYOUT(int8_rows)            \
  LAYOUT(int8_rows16)          \
  LAYOUT(int4_g32_rows)        \
  LAYOUT(int4_g64_rows)        \
  LAYOUT(nf4_g32_rows)         \
  LAYOUT(nf4_g64_rows)
// clang-format on

/// How the weights of one site lie in memory. A layout belongs to one number format; any layout can decode each value
/// back.
#define MXPATH_ENUMERATOR(name) name,
enum class Layout : uint8_t {
  none,  ///< the operation has no weight matrix
  any,   ///< only in a KernelPath: it reads every layout, value by value
  MXPATH_LAYOUTS(MXPATH_ENUMERATOR)
};
#undef MXPATH_ENUMERATOR
#define MXPATH_ONE_MORE(name) +1
inline constexpr int layout_count = 2 MXPATH_LAYOUTS(MXPATH_ONE_MORE);
#undef MXPATH_ONE_MORE

std::string_view name_of(Layout layout);
/// The number format a layout holds; not to be asked of none and any.
NumberFormat format_of(Layout layout);
/// Columns under one scale: 32 or 64; 0 where a row has one scale or none.
int group_of(Layout layout);
/// Whether the rows of a layout lie one after another, columns ascending, so that any path may read it that reads plain
/// rows.
bool is_plain(Layout layout);

/// A number format with the columns under one scale, where that is a choice: what a user asks weights to be held as.
struct WeightFormat {
  NumberFormat format;
  int group;  ///< 32 or 64; 0 where a row has one scale or none
  /// Without a group: 32 for mxfp4 and int4, 64 for nf4.
  constexpr WeightFormat(NumberFormat number, int columns = 0)
      : format(number), group(columns ? columns : usual_group(number)) {}
  bool operator==(const WeightFormat&) const = default;

 private:
  static constexpr int usual_group(NumberFormat number) {
    return number == NumberFormat::mxfp4 || number == NumberFormat::int4 ? 32 : number == NumberFormat::nf4 ? 64 : 0;
  }
};
/// The name on the command line: "bf16", "fp8-e4m3", "int4-g32".
std::string name_of(WeightFormat format);
/// What a layout holds; not to be asked of none and any.
WeightFormat held_in(Layout layout);
/// The layout that holds a format in plain row order; the portable path can always be given this one.
Layout plain_layout(WeightFormat format);
/// Whether `to` holds every value that `from` can: all of them as FP32, MXFP4 as BF16 too (but not as FP16: its
/// exponents reach further).
bool is_lossless(NumberFormat from, WeightFormat to);
/// What can be said before the values are read: "without loss", "with loss", or "perhaps with loss" for a format of
/// floats or MXFP4, which may hold them all the same.
std::string_view loss_of(NumberFormat from, WeightFormat to);
/// Bytes of `experts` matrices of rows × columns, padding included.
uint64_t layout_bytes(Layout layout, int64_t experts, int64_t rows, int64_t columns);
/// Bytes that one pass over all rows of one expert reads: equals layout_bytes(layout, 1, rows, columns).
inline uint64_t layout_bytes_read(Layout layout, int64_t rows, int64_t columns) {
  return layout_bytes(layout, 1, rows, columns);
}

}  // namespace mxpath
