// The arrays behind MoeMatmulArgs.
#include "kernels/arguments.h"

#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/rows.h"

namespace mxpath {

void list_arguments(Arguments& list, MoeMatmulArgs& a) {
  const bool down = list.path().op == Op::moe_down;
  ExpertBatches batches = *a.batches;
  const int64_t n = a.weights->rows, k = a.weights->columns, tokens = batches.tokens,
                rows = tokens * batches.experts_per_token;
  list.scratch(a);
  list.in(batches.first, batches.experts + 1);
  list.in(batches.order, rows);
  list.in(batches.weight, rows);
  a.batches = list.held(batches);
  list.in(a.x, (down ? rows : tokens) * k);
  list.in_out(a.y, (down ? tokens : rows) * n);
  list.in(a.bias, a.weights->experts * n);
  list.matrix(a.weights);
}

}  // namespace mxpath
