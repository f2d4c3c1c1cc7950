// The arrays behind SampleArgs.
#include "kernels/arguments.h"

#include <algorithm>

#include "kernels/rows.h"
#include "kernels/sample/sample.h"

namespace mxpath {

void list_arguments(Arguments& list, SampleArgs& a) {
  int64_t seen = 0, masks = 0;
  for (int r = 0; a.row && r < a.rows; ++r) {
    seen = std::max<int64_t>(seen, int64_t{a.row[r].seen_first} + a.row[r].seen_count);
    masks = std::max<int64_t>(masks, int64_t{a.row[r].mask} + 1);
  }
  list.in(a.logits, a.rows, a.logits_stride, a.vocab);
  list.in(a.row, a.rows);
  list.in(a.seen, seen);
  list.in(a.masks, masks, a.mask_stride, (int64_t{a.vocab} + 31) / 32);
  list.in_out(a.token, a.rows);
  list.in_out(a.logprob, a.rows);
  list.in_out(a.top_token, int64_t{a.rows} * a.top);
  list.in_out(a.top_logprob, int64_t{a.rows} * a.top);
  list.scratch(a);
}

}  // namespace mxpath
