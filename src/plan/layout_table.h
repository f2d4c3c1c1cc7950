// The layouts as a table: what each holds and where each value lies. src/layout adds how values get in, and faster ways
// out.
#pragma once
#include <span>

#include "plan/address_map.h"
#include "plan/layout_kind.h"

namespace mxpath {

struct LayoutRow {
  Layout layout;
  std::string_view name;
  NumberFormat format = NumberFormat::bf16;
  AddressMap map = {};
  constexpr bool is_plain() const { return map.is_plain(); }
};

/// One row for each Layout, in the order of the enum.
std::span<const LayoutRow> layout_rows();
const LayoutRow& row_of(Layout layout);

/// Bytes of the codes and of the scales of one matrix of rows × columns, padding included.
int64_t code_bytes(Layout layout, int64_t rows, int64_t columns);
int64_t scale_bytes(Layout layout, int64_t rows, int64_t columns);

}  // namespace mxpath
