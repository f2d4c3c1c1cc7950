// The arrays behind RouterArgs.
#include "kernels/arguments.h"

#include "kernels/router/router.h"
#include "kernels/rows.h"

namespace mxpath {

void list_arguments(Arguments& list, RouterArgs& a) {
  const int64_t experts = a.weights->rows, rows = int64_t{a.tokens} * a.experts_per_token;
  list.in(a.x, a.tokens * a.weights->columns);
  list.in(a.bias, experts);
  list.matrix(a.weights);
  list.in_out(a.logits, a.tokens * experts);
  list.in_out(a.first, experts + 1);
  list.in_out(a.expert, rows);
  list.in_out(a.weight, rows);
  list.in_out(a.order, rows);
}

}  // namespace mxpath
