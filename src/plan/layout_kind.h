// The weight layouts that exist, and how many bytes each takes. What they look like inside is src/layout.
#pragma once
#include <cstdint>
#include <string_view>

#include "formats/number_format.h"

namespace mxpath {

/// How the weights of one site lie in memory. A layout belongs to one number format; any layout can decode each value back.
enum class Layout : uint8_t {
  none,           ///< the operation has no weight matrix
  any,            ///< only in a KernelPath: it reads every layout through decode()
  fp32_rows,      ///< [experts][rows][columns] float
  bf16_rows,      ///< [experts][rows][columns] bf16: as stored
  bf16_rows16,    ///< [experts][rows/16][columns/2][16 rows][2 columns] bf16: one 64-byte line feeds 16 output rows
  mxfp4_rows,     ///< codes [experts][rows][columns/32][16], scales [experts][rows][columns/32]: as stored
  mxfp4_rows16,   ///< [experts][rows/16][columns/32]: 16 scale bytes apart, 256 code bytes (src/layout/mxfp4_rows16.cpp)
};
inline constexpr int layout_count = 7;

std::string_view name_of(Layout layout);
/// The number format a layout holds; not to be asked of none and any.
NumberFormat format_of(Layout layout);
/// The layout that holds a format in plain row order; the portable path can always be given this one.
Layout plain_layout(NumberFormat format);
/// Bytes of `experts` matrices of rows × columns, padding included.
uint64_t layout_bytes(Layout layout, int64_t experts, int64_t rows, int64_t columns);
/// Bytes that one pass over all rows of one expert reads: equals layout_bytes(layout, 1, rows, columns).
inline uint64_t layout_bytes_read(Layout layout, int64_t rows, int64_t columns) { return layout_bytes(layout, 1, rows, columns); }

}  // namespace mxpath
