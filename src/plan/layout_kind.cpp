#include "plan/layout_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace mxpath {
namespace {

constexpr std::array<std::string_view, layout_count> names = {
    "none",          "any",           "fp32_rows", "bf16_rows",   "bf16_rows16",   "mxfp4_rows",    "mxfp4_rows16", "fp16_rows",
    "fp8_e4m3_rows", "fp8_e5m2_rows", "int8_rows", "int8_rows16", "int4_g32_rows", "int4_g64_rows", "nf4_g32_rows", "nf4_g64_rows"};

constexpr int64_t up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace

std::string_view name_of(Layout layout) { return names[static_cast<size_t>(layout)]; }

NumberFormat format_of(Layout layout) {
  switch (layout) {
    case Layout::fp32_rows: return NumberFormat::fp32;
    case Layout::fp16_rows: return NumberFormat::fp16;
    case Layout::mxfp4_rows:
    case Layout::mxfp4_rows16: return NumberFormat::mxfp4;
    case Layout::fp8_e4m3_rows: return NumberFormat::fp8_e4m3;
    case Layout::fp8_e5m2_rows: return NumberFormat::fp8_e5m2;
    case Layout::int8_rows:
    case Layout::int8_rows16: return NumberFormat::int8;
    case Layout::int4_g32_rows:
    case Layout::int4_g64_rows: return NumberFormat::int4;
    case Layout::nf4_g32_rows:
    case Layout::nf4_g64_rows: return NumberFormat::nf4;
    default: return NumberFormat::bf16;
  }
}

int group_of(Layout layout) {
  switch (layout) {
    case Layout::mxfp4_rows:
    case Layout::mxfp4_rows16:
    case Layout::int4_g32_rows:
    case Layout::nf4_g32_rows: return 32;
    case Layout::int4_g64_rows:
    case Layout::nf4_g64_rows: return 64;
    default: return 0;
  }
}

bool is_plain(Layout layout) {
  return layout != Layout::none && layout != Layout::any && layout != Layout::bf16_rows16 && layout != Layout::mxfp4_rows16 &&
         layout != Layout::int8_rows16;
}

std::string name_of(WeightFormat format) {
  std::string name(name_of(format.format));
  std::ranges::replace(name, '_', '-');
  const bool choice = format.format == NumberFormat::int4 || format.format == NumberFormat::nf4;
  return choice ? fmt::format("{}-g{}", name, format.group) : name;
}

WeightFormat held_in(Layout layout) { return {format_of(layout), group_of(layout)}; }

Layout plain_layout(WeightFormat format) {
  switch (format.format) {
    case NumberFormat::mxfp4: return Layout::mxfp4_rows;
    case NumberFormat::bf16: return Layout::bf16_rows;
    case NumberFormat::fp16: return Layout::fp16_rows;
    case NumberFormat::fp8_e4m3: return Layout::fp8_e4m3_rows;
    case NumberFormat::fp8_e5m2: return Layout::fp8_e5m2_rows;
    case NumberFormat::int8: return Layout::int8_rows;
    case NumberFormat::int4: return format.group == 64 ? Layout::int4_g64_rows : Layout::int4_g32_rows;
    case NumberFormat::nf4: return format.group == 32 ? Layout::nf4_g32_rows : Layout::nf4_g64_rows;
    default: return Layout::fp32_rows;
  }
}

bool is_lossless(NumberFormat from, WeightFormat to) {
  return to.format == NumberFormat::fp32 || to == WeightFormat(from) || (from == NumberFormat::mxfp4 && to.format == NumberFormat::bf16);
}

std::string_view loss_of(NumberFormat from, WeightFormat to) {
  if (is_lossless(from, to)) return "without loss";
  const bool perhaps = to.format == NumberFormat::fp16 || to.format == NumberFormat::bf16 || to.format == NumberFormat::mxfp4;
  return perhaps ? "perhaps with loss" : "with loss";
}

/// Codes, then scales, each starting on a 64-byte line.
uint64_t layout_bytes(Layout layout, int64_t experts, int64_t rows, int64_t columns) {
  const auto size = [](int64_t codes, int64_t scales) { return static_cast<uint64_t>(scales ? up(codes, 64) + scales : codes); };
  const int64_t group = group_of(layout);
  switch (layout) {
    case Layout::none:
    case Layout::any: return 0;
    case Layout::fp32_rows: return size(experts * rows * columns * 4, 0);
    case Layout::fp16_rows:
    case Layout::bf16_rows: return size(experts * rows * columns * 2, 0);
    case Layout::bf16_rows16: return size(experts * up(rows, 16) * up(columns, 2) * 2, 0);
    case Layout::mxfp4_rows: return size(experts * rows * (columns / 32) * 16, experts * rows * (columns / 32));
    case Layout::mxfp4_rows16: return size(experts * up(rows, 16) * (columns / 32) * 16, experts * up(rows, 16) * (columns / 32));
    case Layout::fp8_e4m3_rows:
    case Layout::fp8_e5m2_rows:
    case Layout::int8_rows: return size(experts * rows * columns, experts * rows * 4);
    case Layout::int8_rows16: return size(experts * up(rows, 16) * up(columns, 4), experts * up(rows, 16) * 4);
    case Layout::int4_g32_rows:
    case Layout::int4_g64_rows:
    case Layout::nf4_g32_rows:
    case Layout::nf4_g64_rows: return size(experts * rows * (columns / 2), experts * rows * (columns / group) * 4);
  }
  return 0;
}

}  // namespace mxpath
