// The parts of probe_machine; each stands in a file of its own.
#pragma once
#include <string>

#include "machine/machine.h"

namespace mxpath {

/// CPUID, the state that the operating system saves, and the processors this process may use.
Cpu probe_cpu();

/// Bytes of RAM this process may use: MemTotal and every memory limit of its cgroups (v1 and v2), the least of them. 0:
/// unknown. `root` stands for "/", so that tests can bring a tree of their own.
uint64_t probe_memory(const std::string& root = "");

/// The part of that memory which no program holds (base/system_memory.h). 0: nothing is left, or unknown.
uint64_t probe_free_memory(const std::string& root = "");

/// The least memory limit of its cgroups alone; 0: none.
uint64_t probe_memory_limit(const std::string& root = "");

/// Fills gpus, or no_gpu_reason. One of probe_cuda.cpp and no_cuda.cpp is built.
void probe_gpus(Machine& machine);

}  // namespace mxpath
