// How much memory this process may use, and how much of it nobody holds.
#pragma once
#include <cstdint>
#include <string>

namespace mxpath {

struct SystemMemory {
  uint64_t total = 0;  ///< bytes of RAM, or the least limit of the cgroups around this process; 0: unknown
  uint64_t free = 0;  ///< the part of it that can still be had without swapping; page cache that can be dropped counts.
                      ///< total where nobody says
  uint64_t limit = 0;  ///< the least limit of the cgroups alone; 0: none
};

/// /proc/meminfo (MemTotal and MemAvailable) and every memory limit of the process's cgroups, v1 and v2, with what each
/// of them uses. Huge pages that are reserved are not free, and swap is not memory. Takes some tens of microseconds.
/// `root` stands for "/", so that tests can bring a tree of their own.
SystemMemory system_memory(const std::string& root = "");

}  // namespace mxpath
