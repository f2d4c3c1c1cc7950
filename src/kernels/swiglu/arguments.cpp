// The arrays behind SwigluArgs.
#include "kernels/arguments.h"

#include "kernels/rows.h"
#include "kernels/swiglu/swiglu.h"

namespace mxpath {

void list_arguments(Arguments& list, SwigluArgs& a) {
  list.in(a.u, a.rows * 2 * a.width);
  list.in_out(a.h, a.rows * a.width);
}

}  // namespace mxpath
