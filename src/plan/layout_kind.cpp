#include "plan/layout_kind.h"

#include <array>

namespace mxpath {
namespace {

constexpr std::array<std::string_view, layout_count> names = {"none",       "any",         "fp32_rows",   "bf16_rows",
                                                              "bf16_rows16", "mxfp4_rows", "mxfp4_rows16"};

constexpr int64_t up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

/// Codes, then scales, each starting on a 64-byte line.
uint64_t mxfp4_bytes(int64_t experts, int64_t rows, int64_t columns) {
  const int64_t blocks = experts * rows * (columns / 32);
  return static_cast<uint64_t>(up(blocks * 16, 64) + blocks);
}

}  // namespace

std::string_view name_of(Layout layout) { return names[static_cast<size_t>(layout)]; }

NumberFormat format_of(Layout layout) {
  switch (layout) {
    case Layout::fp32_rows: return NumberFormat::fp32;
    case Layout::mxfp4_rows:
    case Layout::mxfp4_rows16: return NumberFormat::mxfp4;
    default: return NumberFormat::bf16;
  }
}

Layout plain_layout(NumberFormat format) {
  switch (format) {
    case NumberFormat::mxfp4: return Layout::mxfp4_rows;
    case NumberFormat::bf16: return Layout::bf16_rows;
    default: return Layout::fp32_rows;
  }
}

uint64_t layout_bytes(Layout layout, int64_t experts, int64_t rows, int64_t columns) {
  switch (layout) {
    case Layout::none:
    case Layout::any: return 0;
    case Layout::fp32_rows: return static_cast<uint64_t>(experts * rows * columns) * 4;
    case Layout::bf16_rows: return static_cast<uint64_t>(experts * rows * columns) * 2;
    case Layout::bf16_rows16: return static_cast<uint64_t>(experts * up(rows, 16) * up(columns, 2)) * 2;
    case Layout::mxfp4_rows: return mxfp4_bytes(experts, rows, columns);
    case Layout::mxfp4_rows16: return mxfp4_bytes(experts, up(rows, 16), columns);
  }
  return 0;
}

}  // namespace mxpath
