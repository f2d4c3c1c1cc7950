#include "machine/probe.h"

namespace mxpath {

Machine probe_machine() {
  Machine machine;
  machine.name = "this machine";
  machine.source = "probed; bandwidth and arithmetic assumed from the kind of CPU";
  machine.cpu = probe_cpu();
  machine.memory = probe_memory();
  if (machine.memory == 0) machine.memory = uint64_t{4} << 30;  // a system that does not say has no /proc; be modest
  probe_gpus(machine);
  return machine;
}

}  // namespace mxpath
