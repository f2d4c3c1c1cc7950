// Keys and values as attention rows read them: pages of a pool, found through the table of a sequence.
#pragma once
#include <cstdint>

#include "formats/number_format.h"
#include "plan/kv_layout.h"

namespace mxpath {

/// The keys and values of one layer. Position p of the sequence in slot s lies in page tables[s * table_stride + p /
/// 64] of the pool, there in row p % 64 of each key head. Pages that no token of a call can see may be gone: their
/// entries hold anything and are not to be followed.
struct KvPages {
  uint8_t* pool = nullptr;
  int64_t page_bytes = 0;
  int64_t keys = 0, values = 0;     // bytes from the start of a page to those of the layer: [kv_heads][64][head_dim]
  const int32_t* tables = nullptr;  // [slots][table_stride]
  int64_t table_stride = 0;
  NumberFormat format = NumberFormat::bf16;  // one of kv_formats(); INT8 has [kv_heads][64] scales behind its codes
};

/// Writes k and v ([kv_heads, head_dim] floats) of a position, rounded to nearest even. What FP16 or FP8 cannot hold
/// becomes NaN, and so does an INT8 row with a value that is not finite: nothing that overflows goes on as a number.
void kv_store(const KvPages& pages, int slot, int64_t position, int kv_heads, int head_dim, const float* k,
              const float* v);
/// x as a row of that format gives it back, row by row of head_dim values. For references.
void kv_round(NumberFormat format, float* values, int64_t rows, int head_dim);

}  // namespace mxpath
