#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plan/layout_table.h"

namespace mxpath {
namespace {

constexpr AddressMap plain(int bits, int scale_bytes = 0, int scale_shift = AddressMap::whole_row) {
  return {.bits = bits, .scale_bytes = scale_bytes, .scale_shift = scale_shift};
}

constexpr TileBit c0 = column_bit(0), c1 = column_bit(1), c2 = column_bit(2);
constexpr TileBit r0 = row_bit(0), r1 = row_bit(1), r2 = row_bit(2), r3 = row_bit(3);

// clang-format off
constexpr std::array<LayoutRow, layout_count> table = {{
    {.layout = Layout::none, .name = "none"},
    {.layout = Layout::any, .name = "any"},
    {.layout = Layout::fp32_rows, .name = "fp32_rows", .format = NumberFormat::fp32, .map = plain(32)},
    {.layout = Layout::bf16_rows, .name = "bf16_rows", .format = NumberFormat::bf16, .map = plain(16)},
    {.layout = Layout::bf16_rows16, .name = "bf16_rows16", .format = NumberFormat::bf16,
     .map = {.bits = 16, .tile = {c0, r0, r1, r2, r3}}},
    {.layout = Layout::mxfp4_rows, .name = "mxfp4_rows", .format = NumberFormat::mxfp4, .map = plain(4, 1, 5)},
    {.layout = Layout::mxfp4_rows16, .name = "mxfp4_rows16", .format = NumberFormat::mxfp4,
     .map = {.bits = 4, .scale_bytes = 1, .scale_shift = 5, .tile = {c1, c2, c0, r0, r1, r2, r3}}},
    {.layout = Layout::fp16_rows, .name = "fp16_rows", .format = NumberFormat::fp16, .map = plain(16)},
    {.layout = Layout::fp8_e4m3_rows, .name = "fp8_e4m3_rows", .format = NumberFormat::fp8_e4m3, .map = plain(8, 4)},
    {.layout = Layout::fp8_e5m2_rows, .name = "fp8_e5m2_rows", .format = NumberFormat::fp8_e5m2, .map = plain(8, 4)},
    {.layout = Layout::int8_rows, .name = "int8_rows", .format = NumberFormat::int8, .map = plain(8, 4)},
    {.layout = Layout::int8_rows16, .name = "int8_rows16", .format = NumberFormat::int8,
     .map = {.bits = 8, .scale_bytes = 4, .tile = {c0, c1, r0, r1, r2, r3}}},
    {.layout = Layout::int4_g32_rows, .name = "int4_g32_rows", .format = NumberFormat::int4, .map = plain(4, 4, 5)},
    {.layout = Layout::int4_g64_rows, .name = "int4_g64_rows", .format = NumberFormat::int4, .map = plain(4, 4, 6)},
    {.layout = Layout::nf4_g32_rows, .name = "nf4_g32_rows", .format = NumberFormat::nf4, .map = plain(4, 4, 5)},
    {.layout = Layout::nf4_g64_rows, .name = "nf4_g64_rows", .format = NumberFormat::nf4, .map = plain(4, 4, 6)},
}};
// clang-format on

constexpr bool in_enum_order() {
  for (size_t i = 0; i < table.size(); ++i)
    if (static_cast<size_t>(table[i].layout) != i) return false;
  return true;
}
static_assert(in_enum_order());

constexpr int64_t up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace

std::span<const LayoutRow> layout_rows() { return table; }
const LayoutRow& row_of(Layout layout) { return table[static_cast<size_t>(layout)]; }

std::string_view name_of(Layout layout) { return row_of(layout).name; }
NumberFormat format_of(Layout layout) { return row_of(layout).format; }
int group_of(Layout layout) { return row_of(layout).map.group(); }
bool is_plain(Layout layout) { return row_of(layout).is_plain(); }

std::string name_of(WeightFormat format) {
  std::string name(name_of(format.format));
  std::ranges::replace(name, '_', '-');
  const bool choice = format.format == NumberFormat::int4 || format.format == NumberFormat::nf4;
  return choice ? fmt::format("{}-g{}", name, format.group) : name;
}

WeightFormat held_in(Layout layout) { return {format_of(layout), group_of(layout)}; }

Layout plain_layout(WeightFormat format) {
  const auto holds_it = [&](const LayoutRow& row) { return row.is_plain() && held_in(row.layout) == format; };
  const auto plain = std::ranges::find_if(table, holds_it);
  return plain == table.end() ? Layout::fp32_rows : plain->layout;
}

bool is_lossless(NumberFormat from, WeightFormat to) {
  return to.format == NumberFormat::fp32 || to == WeightFormat(from) ||
         (from == NumberFormat::mxfp4 && to.format == NumberFormat::bf16);
}

std::string_view loss_of(NumberFormat from, WeightFormat to) {
  if (is_lossless(from, to)) return "without loss";
  const bool perhaps =
      to.format == NumberFormat::fp16 || to.format == NumberFormat::bf16 || to.format == NumberFormat::mxfp4;
  return perhaps ? "perhaps with loss" : "with loss";
}

int64_t code_bytes(Layout layout, int64_t rows, int64_t columns) {
  return row_of(layout).map.code_bytes(rows, columns);
}
int64_t scale_bytes(Layout layout, int64_t rows, int64_t columns) {
  return row_of(layout).map.bytes_of_scales(rows, columns);
}

/// Codes, then scales, each starting on a 64-byte line.
uint64_t layout_bytes(Layout layout, int64_t experts, int64_t rows, int64_t columns) {
  const int64_t codes = experts * code_bytes(layout, rows, columns),
                scales = experts * scale_bytes(layout, rows, columns);
  return static_cast<uint64_t>(scales ? up(codes, 64) + scales : codes);
}

}  // namespace mxpath
