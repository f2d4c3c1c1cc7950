#include "formats/number_format.h"

#include <cctype>
#include <limits>
#include <utility>

namespace mxpath {
namespace {

constexpr float largest_fp32 = std::numeric_limits<float>::max();

constexpr NumberFormatFacts facts[number_format_count] = {
    // name, element bits, block, scale bits, largest, smallest
    {"fp32", 32, {}, 0, largest_fp32, 0x1p-149f},
    {"tf32", 32, {}, 0, 0x1.ffcp127f, 0x1p-136f},
    {"fp16", 16, {}, 0, 65504, 0x1p-24f},
    {"bf16", 16, {}, 0, 0x1.fep127f, 0x1p-133f},
    {"fp8_e4m3", 8, {}, 0, 448, 0x1p-9f},
    {"fp8_e5m2", 8, {}, 0, 57344, 0x1p-16f},
    {"mxfp4", 4, 32, 8, 6, 0.5f},
    {"mxfp8_e4m3", 8, 32, 8, 448, 0x1p-9f},
    {"mxfp8_e5m2", 8, 32, 8, 57344, 0x1p-16f},
    {"int8", 8, {}, 0, 127, 1.0f},
    {"int4", 4, 32, 32, 7, 1.0f},
    {"nf4", 4, 64, 32, 1, 0.07958029955625534f},
};

constexpr std::pair<std::string_view, NumberFormat> aliases[] = {
    {"float32", NumberFormat::fp32},     {"f32", NumberFormat::fp32},         {"float", NumberFormat::fp32},
    {"float16", NumberFormat::fp16},     {"f16", NumberFormat::fp16},         {"half", NumberFormat::fp16},
    {"bfloat16", NumberFormat::bf16},    {"fp8", NumberFormat::fp8_e4m3},     {"e4m3", NumberFormat::fp8_e4m3},
    {"e4m3fn", NumberFormat::fp8_e4m3},  {"f8_e4m3", NumberFormat::fp8_e4m3}, {"float8_e4m3fn", NumberFormat::fp8_e4m3},
    {"e5m2", NumberFormat::fp8_e5m2},    {"f8_e5m2", NumberFormat::fp8_e5m2}, {"float8_e5m2", NumberFormat::fp8_e5m2},
    {"mxfp8", NumberFormat::mxfp8_e4m3}, {"i8", NumberFormat::int8},          {"i4", NumberFormat::int4},
};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

}  // namespace

const NumberFormatFacts& facts_of(NumberFormat format) { return facts[static_cast<int>(format)]; }
std::string_view name_of(NumberFormat format) { return facts_of(format).name; }

double bits_per_value(NumberFormat format) {
  const NumberFormatFacts& f = facts_of(format);
  return f.element_bits + (f.block ? static_cast<double>(f.scale_bits) / *f.block : 0.0);
}

std::optional<NumberFormat> parse_number_format(std::string_view text) {
  const std::string wanted = lower_case(text);
  for (int i = 0; i < number_format_count; ++i)
    if (facts[i].name == wanted) return static_cast<NumberFormat>(i);
  for (const auto& [alias, format] : aliases)
    if (alias == wanted) return format;
  return std::nullopt;
}

}  // namespace mxpath
