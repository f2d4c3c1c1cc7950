// The arrays behind EmbedArgs.
#include "kernels/arguments.h"

#include "kernels/embed/embed.h"
#include "kernels/rows.h"

namespace mxpath {

void list_arguments(Arguments& list, EmbedArgs& a) {
  list.in_out(a.y, a.count * a.table->columns);
  list.matrix(a.table);
  list.in(a.tokens, a.count);
}

}  // namespace mxpath
