// The layouts as a table: what each holds and how many bytes that takes. src/layout adds how values get in and out.
#pragma once
#include <span>

#include "plan/layout_kind.h"

namespace mxpath {

struct LayoutRow {
  Layout layout;
  std::string_view name;
  NumberFormat format = NumberFormat::bf16;
  int group = 0;        ///< columns under one scale; 0: a row has one or none
  int columns = 1;      ///< that are stored together …
  int bytes = 0;        ///< … in so many bytes
  int scale_bytes = 0;  ///< bytes of one scale; 0: there are none
  int row_tile = 1;     ///< rows that lie together; both rows and columns are filled up with zeros to whole tiles where it is not 1
  constexpr bool is_plain() const { return bytes > 0 && row_tile == 1; }
};

/// One row for each Layout, in the order of the enum.
std::span<const LayoutRow> layout_rows();
const LayoutRow& row_of(Layout layout);

/// Bytes of the codes and of the scales of one matrix of rows × columns, padding included.
int64_t code_bytes(Layout layout, int64_t rows, int64_t columns);
int64_t scale_bytes(Layout layout, int64_t rows, int64_t columns);

}  // namespace mxpath
