// From the row that the plan chose for a call to the kernel that runs: nothing is decided here.
#pragma once
#include <variant>
#include <vector>

#include "plan/path.h"

namespace mxpath {

/// Which rows ran, in order; tests and the bench read it.
using Trace = std::vector<const KernelPath*>;

/// trace: null: not recorded. A composite row that only calls the rows of its parts is not among those that ran.
template <class Args>
void call_row(const KernelPath& path, const Args& args, Trace* trace) {
  if (trace && !only_calls_others(path)) trace->push_back(&path);
  std::get<void (*)(const Args&)>(path.run)(args);
}

/// A part of a composite operation: the row that the plan chose for it, and what that is called with.
template <class PartArgs>
struct BlockPart {
  const KernelPath* path = nullptr;
  PartArgs args = {};

  void run(Trace* trace) const { call_row(*path, args, trace); }
};

}  // namespace mxpath
