// From a planned site to the kernel that runs: a lookup by the shape of the call, nothing is decided here.
#pragma once
#include "kernels/call_row.h"
#include "model/model.h"

namespace mxpath {

template <class Args>
void run(const SitePlan& site, const Call& call, const Args& args, Trace* trace) {
  call_row(site.path_for(call), args, trace);
}

}  // namespace mxpath
