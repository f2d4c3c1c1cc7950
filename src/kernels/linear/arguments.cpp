// The arrays behind LinearArgs.
#include "kernels/arguments.h"

#include "kernels/linear/linear.h"
#include "kernels/rows.h"

namespace mxpath {

void list_arguments(Arguments& list, LinearArgs& a) {
  const int64_t n = a.weights->rows, k = a.weights->columns;
  list.in(a.x, a.tokens, a.x_stride, k);
  list.in_out(a.y, a.tokens, a.y_stride, n);
  list.matrix(a.weights);
  list.in(a.bias, n);
  list.scratch(a);
}

}  // namespace mxpath
