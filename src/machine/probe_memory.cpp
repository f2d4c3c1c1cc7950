#include "base/system_memory.h"
#include "machine/probe.h"

namespace mxpath {

uint64_t probe_memory(const std::string& root) { return system_memory(root).total; }

uint64_t probe_free_memory(const std::string& root) { return system_memory(root).free; }

uint64_t probe_memory_limit(const std::string& root) { return system_memory(root).limit; }

}  // namespace mxpath
