#include "base/system_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string_view>

namespace mxpath {
namespace {

constexpr uint64_t no_limit = std::numeric_limits<uint64_t>::max();

/// How one version of cgroups names its files. v2 throttles above memory.high until hardly anything runs, so that is a
/// limit too.
struct Names {
  const char *limit, *soft_limit, *usage, *active, *inactive;
};
constexpr Names v1 = {"memory.limit_in_bytes", "", "memory.usage_in_bytes", "total_active_file", "total_inactive_file"};
constexpr Names v2 = {"memory.max", "memory.high", "memory.current", "active_file", "inactive_file"};

uint64_t less(uint64_t bytes, uint64_t taken) { return bytes - std::min(bytes, taken); }

/// The number that a file holds; no_limit for "max" and for files that are not there. (v1 says "none" with a huge
/// number.)
uint64_t number_in(const std::string& path) {
  std::ifstream file(path);
  uint64_t bytes = 0;
  return file >> bytes ? bytes : no_limit;
}

/// The sum of two fields of a table of "name number" lines; 0 for what is not there.
uint64_t sum_of(const std::string& path, std::string_view one, std::string_view other) {
  std::ifstream file(path);
  std::string name;
  uint64_t sum = 0;
  for (uint64_t value = 0; file >> name >> value;)
    if (name == one || name == other) sum += value;
  return sum;
}

/// What the groups around this process allow, and what they leave.
struct Limits {
  uint64_t limit = no_limit, left = no_limit;

  /// A group and those around it. Inside a container its path may not be there, but the root is. The usage of a group
  /// is that of all groups in it; its page cache is counted there as well, and is dropped before anything is refused.
  void add(const std::string& mount, std::string group, const Names& names) {
    for (;;) {
      const std::string folder = mount + group + "/";
      const uint64_t hard = number_in(folder + names.limit),
                     soft = *names.soft_limit ? number_in(folder + names.soft_limit) : no_limit;
      add_group(folder, std::min(hard, soft), names);
      if (group.empty()) return;
      const size_t slash = group.rfind('/');
      group.resize(slash == std::string::npos ? 0 : slash);
    }
  }

 private:
  void add_group(const std::string& folder, uint64_t bytes, const Names& names) {
    if (bytes >= uint64_t{1} << 60) return;
    limit = std::min(limit, bytes);
    const uint64_t used = number_in(folder + names.usage);
    const uint64_t held =
        used == no_limit ? 0 : less(used, sum_of(folder + "memory.stat", names.active, names.inactive));
    left = std::min(left, less(bytes, held));
  }
};

/// Does a comma-separated list of v1 controllers name memory?
bool names_memory(std::string_view controllers) {
  for (size_t begin = 0; begin <= controllers.size();) {
    const size_t end = std::min(controllers.find(',', begin), controllers.size());
    if (controllers.substr(begin, end - begin) == "memory") return true;
    begin = end + 1;
  }
  return false;
}

/// Each line of /proc/self/cgroup is "number:controllers:path"; v2 has number 0 and no controllers. Where both versions
/// are mounted, v2 is in "unified".
Limits cgroup_limits(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  Limits limits;
  limits.add(mount, "", v2), limits.add(mount + "/memory", "", v1);
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers.empty()) limits.add(mount, group, v2), limits.add(mount + "/unified", group, v2);
    if (names_memory(controllers)) limits.add(mount + "/memory", group, v1);
  }
  return limits;
}

struct MemInfo {
  uint64_t total = no_limit, available = no_limit, free = 0, cached = 0;
};

MemInfo read_meminfo(const std::string& root) {
  std::ifstream file(root + "/proc/meminfo");
  MemInfo info;
  std::string word;
  uint64_t kib = 0;
  const auto take = [&](std::string_view name, uint64_t& into) {
    if (word == name && file >> kib) into = kib * 1024;
  };
  while (file >> word)
    take("MemTotal:", info.total), take("MemAvailable:", info.available), take("MemFree:", info.free),
        take("Cached:", info.cached);
  return info;
}

}  // namespace

SystemMemory system_memory(const std::string& root) {
  const MemInfo info = read_meminfo(root);
  const Limits limits = cgroup_limits(root);
  SystemMemory memory;
  memory.limit = limits.limit == no_limit ? 0 : limits.limit;
  memory.total = std::min(info.total, limits.limit);
  if (memory.total == no_limit) return {};
  // Kernels before 3.14 have no MemAvailable.
  const bool told = info.available != no_limit || info.free > 0;
  const uint64_t available = info.available != no_limit ? info.available : told ? info.free + info.cached : no_limit;
  memory.free = std::min({memory.total, available, limits.left});
  return memory;
}

}  // namespace mxpath
