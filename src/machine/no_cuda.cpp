// What probe_gpus is in a build without CUDA.
#include "machine/probe.h"

namespace mxpath {

void probe_gpus(Machine& machine) { machine.no_gpu_reason = "this build has no CUDA support"; }

}  // namespace mxpath
