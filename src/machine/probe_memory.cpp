#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

#include "machine/probe.h"

namespace mxpath {
namespace {

constexpr uint64_t no_limit = std::numeric_limits<uint64_t>::max();

/// The number that a limit file holds; no_limit for "max" and for files that are not there. (v1 says "none" with a huge number.)
uint64_t limit_in(const std::string& path) {
  std::ifstream file(path);
  uint64_t bytes = 0;
  return file >> bytes ? bytes : no_limit;
}

/// The least limit of a cgroup and of those around it. Inside a container its path may not be there, but the root is.
uint64_t least_limit(const std::string& mount, std::string group, const char* file) {
  uint64_t least = no_limit;
  for (;;) {
    least = std::min(least, limit_in(mount + group + "/" + file));
    if (group.empty()) return least;
    const size_t slash = group.rfind('/');
    group.resize(slash == std::string::npos ? 0 : slash);
  }
}

uint64_t memory_total(const std::string& root) {
  std::ifstream file(root + "/proc/meminfo");
  std::string word;
  uint64_t kib = 0;
  while (file >> word)
    if (word == "MemTotal:" && file >> kib) return kib * 1024;
  return no_limit;
}

/// Does a comma-separated list of v1 controllers name memory?
bool names_memory(std::string_view controllers) {
  for (size_t begin = 0; begin <= controllers.size();) {
    const size_t end = std::min(controllers.find(',', begin), controllers.size());
    if (controllers.substr(begin, end - begin) == "memory") return true;
    begin = end + 1;
  }
  return false;
}

/// Each line of /proc/self/cgroup is "number:controllers:path"; v2 has number 0 and no controllers.
uint64_t cgroup_limit(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  uint64_t least = std::min(least_limit(mount, "", "memory.max"), least_limit(mount + "/memory", "", "memory.limit_in_bytes"));
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers.empty()) least = std::min(least, least_limit(mount, group, "memory.max"));
    if (names_memory(controllers)) least = std::min(least, least_limit(mount + "/memory", group, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace

uint64_t probe_memory(const std::string& root) {
  const uint64_t bytes = std::min(memory_total(root), cgroup_limit(root));
  return bytes == no_limit ? 0 : bytes;
}

uint64_t probe_memory_limit(const std::string& root) {
  const uint64_t bytes = cgroup_limit(root);
  return bytes < uint64_t{1} << 60 ? bytes : 0;
}

}  // namespace mxpath
