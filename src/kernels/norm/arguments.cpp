// The arrays behind NormArgs.
#include "kernels/arguments.h"

#include "kernels/norm/norm.h"
#include "kernels/rows.h"

namespace mxpath {

void list_arguments(Arguments& list, NormArgs& a) {
  const bool in_place = a.x == a.y;
  if (!in_place) list.in(a.x, a.tokens * a.width);
  list.in_out(a.y, a.tokens * a.width);
  if (in_place) a.x = a.y;
  list.in(a.scale, a.width);
}

}  // namespace mxpath
