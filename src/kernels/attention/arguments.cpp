// The arrays behind AttentionArgs. Of a pool everything up to the last page that a token can see is copied.
#include "kernels/arguments.h"

#include <algorithm>

#include "kernels/attention/attention.h"
#include "kernels/rows.h"

namespace mxpath {

void list_arguments(Arguments& list, AttentionArgs& a) {
  const int64_t width = int64_t{a.heads} * a.head_dim, kv_width = int64_t{a.kv_heads} * a.head_dim;
  int64_t pages = 0, slots = 0;
  for (int t = 0; t < a.tokens; ++t) {
    const int32_t* table = a.kv.tables + a.slots[t] * a.kv.table_stride;
    const int64_t last = a.positions[t], first = a.window > 0 ? std::max<int64_t>(0, last - a.window + 1) : 0;
    for (int64_t i = first / kv_page_tokens; i <= last / kv_page_tokens; ++i)
      pages = std::max<int64_t>(pages, table[i] + 1);
    slots = std::max<int64_t>(slots, a.slots[t] + 1);
  }
  if (a.k) {
    list.in_out(a.kv.pool, pages * a.kv.page_bytes);
  } else {
    const uint8_t* read = a.kv.pool;
    list.in(read, pages * a.kv.page_bytes);
    a.kv.pool = const_cast<uint8_t*>(read);
  }
  list.in(a.kv.tables, slots * a.kv.table_stride);
  list.in(a.q, a.tokens, a.q_stride, width);
  list.in_out(a.y, a.tokens * width);
  list.in(a.k, a.tokens, a.q_stride, kv_width);
  list.in(a.v, a.tokens, a.q_stride, kv_width);
  list.in(a.sinks, a.heads);
  list.in(a.positions, a.tokens);
  list.in(a.slots, a.tokens);
  list.scratch(a);
}

}  // namespace mxpath
