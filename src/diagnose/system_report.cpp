// What the operating system says about memory, huge pages and itself.
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>

#include "base/mapped_file.h"
#include "base/text.h"
#include "diagnose/doctor.h"
#include "machine/probe.h"

namespace mxpath::diagnose {
namespace {

/// A file of /proc or /sys, whose size the system does not know beforehand; empty if it cannot be read.
std::string small_file(const char* path) {
  std::string text;
  if (FILE* file = std::fopen(path, "re")) {
    char buffer[4096];
    for (size_t count; text.size() < 65536 && (count = std::fread(buffer, 1, sizeof buffer, file)) > 0;)
      text.append(buffer, count);
    std::fclose(file);
  }
  return text;
}

/// "HugePages_Total:      12" → 12; kB lines in bytes.
uint64_t meminfo(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  const char* begin = text.data() + at + name.size();
  char* end = nullptr;
  const uint64_t value = std::strtoull(begin, &end, 10);
  return std::string_view(end).substr(0, 3) == " kB" ? value * 1024 : value;
}

std::string quoted_value(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return {};
  std::string_view rest = text.substr(at + name.size());
  rest = rest.substr(0, rest.find('\n'));
  if (!rest.empty() && rest.front() == '"') rest = rest.substr(1, rest.rfind('"') - 1);
  return std::string(rest);
}

std::string bracketed(std::string_view text) {
  const size_t open = text.find('['), close = text.find(']');
  return open == std::string_view::npos || close == std::string_view::npos || close < open
             ? std::string()
             : std::string(text.substr(open + 1, close - open - 1));
}

std::string built_for() {
  std::string text = "x86-64";
#if defined(__aarch64__)
  text = "aarch64";
#endif
#if defined(__clang__)
  text += fmt::format(", clang {}", __clang_major__);
#elif defined(__GNUC__)
  text += fmt::format(", gcc {}.{}", __GNUC__, __GNUC_MINOR__);
#endif
#if MXPATH_CUDA
  text += ", CUDA code included";
#else
  text += ", no CUDA code";
#endif
  return text;
}

}  // namespace

SystemReport probe_system() {
  SystemReport report;
  utsname name{};
  const std::string release = quoted_value(small_file("/etc/os-release"), "PRETTY_NAME=");
  if (uname(&name) == 0)
    report.system = fmt::format("{}{}{} {}", release, release.empty() ? "" : ", ", name.sysname, name.release);
  const std::string memory = small_file("/proc/meminfo");
  report.physical_memory = meminfo(memory, "MemTotal:");
  report.huge_pages = meminfo(memory, "HugePages_Total:");
  report.huge_page_size = meminfo(memory, "Hugepagesize:");
  report.transparent_huge = meminfo(memory, "AnonHugePages:");
  report.transparent_mode = bracketed(small_file("/sys/kernel/mm/transparent_hugepage/enabled"));
  report.cgroup_limit = probe_memory_limit();
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  report.cpus_online = online > 0 ? static_cast<int>(online) : 0;
  report.built_for = built_for();
  return report;
}

}  // namespace mxpath::diagnose
