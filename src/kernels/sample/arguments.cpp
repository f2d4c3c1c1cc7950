// The arrays behind SampleArgs.
#include "kernels/arguments.h"

#include "kernels/rows.h"
#include "kernels/sample/sample.h"

namespace mxpath {

void list_arguments(Arguments& list, SampleArgs& a) {
  list.in(a.logits, a.vocab);
  list.in_out(a.token, 1);
  list.scratch(a);
}

}  // namespace mxpath
