// From a planned site to the kernel that runs: a lookup by the shape of the call, nothing is decided here.
#pragma once
#include <variant>

#include "model/model.h"

namespace mxpath {

template <class Args>
void run(const SitePlan& site, const Call& call, const Args& args, Trace* trace) {
  const KernelPath& path = site.path_for(call);
  if (trace) trace->push_back(&path);
  std::get<void (*)(const Args&)>(path.run)(args);
}

}  // namespace mxpath
