// This computer with its GPUs, for tests that skip where there is none.
#pragma once
#include <string>

#include "machine/machine.h"

namespace mxpath::test {

inline const Machine& this_machine() {
  static const Machine machine = probe_machine();
  return machine;
}

/// Why no GPU can be used; "": one can.
inline std::string no_gpu() {
  if (this_machine().gpus.empty()) return this_machine().no_gpu_reason;
  return this_machine().gpus.front().problem;
}

}  // namespace mxpath::test
