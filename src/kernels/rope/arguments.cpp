// The arrays behind RopeArgs.
#include "kernels/arguments.h"

#include "kernels/rope/rope.h"
#include "kernels/rows.h"

namespace mxpath {

void list_arguments(Arguments& list, RopeArgs& a) {
  list.in_out(a.x, a.tokens, a.x_stride, int64_t{a.heads} * a.head_dim);
  list.in(a.positions, a.tokens);
  list.in(a.inverse_frequency, a.head_dim / 2);
}

}  // namespace mxpath
