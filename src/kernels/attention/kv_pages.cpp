#include "kernels/attention/kv_pages.h"

#include <cassert>
#include <utility>
#include <vector>

#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/fp8.h"
#include "formats/int8.h"

namespace mxpath {
namespace {

/// What is too large is no number, rather than infinity: a score of minus infinity would hide it.
uint16_t checked_fp16(float x) {
  const uint16_t code = encode_fp16(x);
  return (code & 0x7fff) == 0x7c00 ? uint16_t{0x7e00} : code;
}

template <class Code, class Encode>
void encode(const float* row, int count, uint8_t* to, Encode&& encode_one) {
  Code* codes = reinterpret_cast<Code*>(to);
  for (int i = 0; i < count; ++i) codes[i] = encode_one(row[i]);
}

/// A row of one head; scale: of INT8.
void encode_row(NumberFormat format, const float* row, int count, uint8_t* to, float* scale) {
  switch (format) {
    case NumberFormat::bf16: return encode<uint16_t>(row, count, to, encode_bf16);
    case NumberFormat::fp16: return encode<uint16_t>(row, count, to, checked_fp16);
    case NumberFormat::fp8_e4m3: return encode<uint8_t>(row, count, to, [](float x) { return encode_e4m3(x, false); });
    case NumberFormat::int8:
      return encode_int8_groups(row, static_cast<size_t>(count), static_cast<size_t>(count),
                                reinterpret_cast<int8_t*>(to), scale);
    default: assert(format == NumberFormat::fp32); return encode<float>(row, count, to, [](float x) { return x; });
  }
}

}  // namespace

void kv_store(const KvPages& pages, int slot, int64_t position, int kv_heads, int head_dim, const float* k,
              const float* v) {
  const int32_t page = pages.tables[slot * pages.table_stride + position / kv_page_tokens];
  uint8_t* from = pages.pool + page * pages.page_bytes;
  const int64_t row_bytes = int64_t{facts_of(pages.format).element_bits} / 8 * head_dim;
  for (int64_t g = 0; g < kv_heads; ++g) {
    const int64_t row = g * kv_page_tokens + position % kv_page_tokens,
                  scale = int64_t{kv_heads} * kv_page_tokens * row_bytes + row * int64_t{sizeof(float)};
    for (const auto& [values, at] : {std::pair{k, pages.keys}, std::pair{v, pages.values}})
      encode_row(pages.format, values + g * head_dim, head_dim, from + at + row * row_bytes,
                 reinterpret_cast<float*>(from + at + scale));
  }
}

void kv_round(NumberFormat format, float* values, int64_t rows, int head_dim) {
  for (int64_t r = 0; r < rows; ++r) {
    float* row = values + r * head_dim;
    if (format == NumberFormat::int8) {
      const size_t count = static_cast<size_t>(head_dim);
      float scale = 0;
      std::vector<int8_t> codes(count);
      encode_int8_groups(row, count, count, codes.data(), &scale);
      decode_int8_groups(codes.data(), &scale, count, count, row);
      continue;
    }
    for (int i = 0; i < head_dim; ++i) {
      if (format == NumberFormat::bf16) row[i] = round_bf16(row[i]);
      if (format == NumberFormat::fp16) row[i] = decode_fp16(checked_fp16(row[i]));
      if (format == NumberFormat::fp8_e4m3) row[i] = decode_e4m3(encode_e4m3(row[i], false));
    }
  }
}

}  // namespace mxpath
