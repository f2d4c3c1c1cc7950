#include "base/system_memory.h"
#include "machine/probe.h"

namespace mxpath {

Machine probe_machine() {
  Machine machine;
  machine.name = "this machine";
  machine.source = "probed; bandwidth and arithmetic assumed from the kind of CPU";
  machine.cpu = probe_cpu();
  const SystemMemory memory = system_memory();
  machine.memory = memory.total, machine.held_memory = memory.total - memory.free;
  if (machine.memory == 0) machine.memory = uint64_t{4} << 30;  // a system that does not say has no /proc; be modest
  probe_gpus(machine);
  return machine;
}

}  // namespace mxpath
