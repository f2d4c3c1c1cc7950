// What the CPU can do, and what of it the operating system lets a process use.
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "base/thread_pool.h"
#include "machine/probe.h"

namespace mxpath {
namespace {

struct Leaf {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

/// Zeros where the CPU has no such leaf.
Leaf cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  Leaf r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

constexpr bool bit(uint32_t word, int n) { return (word >> n) & 1; }

/// XCR0: the register states that the operating system saves. XGETBV by hand: its intrinsic would need -mxsave.
uint64_t saved_states() {
  if (!bit(cpuid(1).ecx, 27)) return 0;  // no OSXSAVE
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

/// Linux hands out the 8 KiB of tile state on request only.
bool request_tiles() {
  constexpr long arch_req_xcomp_perm = 0x1023, xfeature_xtiledata = 18;
  return ::syscall(SYS_arch_prctl, arch_req_xcomp_perm, xfeature_xtiledata) == 0;
}

void add_if(CpuFeatures& features, bool present, CpuFeature feature) {
  if (present) features.add(feature);
}

CpuFeatures probe_features() {
  CpuFeatures features;
  constexpr uint64_t avx_state = 0x6, avx512_state = 0xe6, tile_state = 0x60000;
  const uint64_t states = saved_states();
  const Leaf base = cpuid(1), seven = cpuid(7), seven_one = seven.eax >= 1 ? cpuid(7, 1) : Leaf{};
  if ((states & avx_state) != avx_state || !bit(base.ecx, 28)) return features;
  add_if(features, bit(seven.ebx, 5), CpuFeature::avx2);
  add_if(features, bit(base.ecx, 12), CpuFeature::fma);
  add_if(features, bit(base.ecx, 29), CpuFeature::f16c);
  if (!features.has(CpuFeature::avx2)) return features;  // what follows builds on it
  add_if(features, bit(seven_one.eax, 4), CpuFeature::avx_vnni);
  const bool avx512 = bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) && bit(seven.ebx, 31);
  if ((states & avx512_state) == avx512_state && avx512) {
    features.add(CpuFeature::avx512);
    add_if(features, bit(seven.ecx, 11), CpuFeature::avx512_vnni);
    add_if(features, bit(seven_one.eax, 5), CpuFeature::avx512_bf16);
  }
  if ((states & tile_state) == tile_state && bit(seven.edx, 24) && request_tiles()) {
    features.add(CpuFeature::amx_tile);
    add_if(features, bit(seven.edx, 22), CpuFeature::amx_bf16);
    add_if(features, bit(seven.edx, 25), CpuFeature::amx_int8);
  }
  return features;
}

/// "Intel(R) Xeon(R) …", spaces squeezed.
std::string brand_string() {
  char raw[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    const Leaf leaf = cpuid(0x80000002 + i);
    std::memcpy(raw + 16 * i, &leaf, 16);
  }
  std::string name;
  for (const char* c = raw; *c; ++c)
    if (*c != ' ' || (!name.empty() && name.back() != ' ')) name += *c;
  while (!name.empty() && name.back() == ' ') name.pop_back();
  return name.empty() ? "x86-64 CPU" : name;
}

/// "…CPU @ 3.60GHz" → 3.6; 0 without.
double clock_in_name(const std::string& name) {
  const size_t at = name.find("@ ");
  return at != std::string::npos && name.ends_with("GHz") ? std::atof(name.c_str() + at + 2) : 0;
}

/// The first "cpu MHz" of /proc/cpuinfo in GHz; 0 without.
double clock_now() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line) && !line.empty();)
    if (line.starts_with("cpu MHz")) return std::atof(line.c_str() + line.find(':') + 1) / 1000;
  return 0;
}

/// The base clock where the CPU tells it; a guess must rather be too low.
double clock_ghz(const std::string& name) {
  if (const uint32_t mhz = cpuid(0x16).eax & 0xffff) return mhz / 1000.0;
  if (const double clock = clock_in_name(name); clock > 0) return clock;
  return clock_now();
}

/// Processors that share one core and its arithmetic units.
int threads_per_core() {
  const Leaf leaf = cpuid(0xb, 0);
  const int threads = static_cast<int>(leaf.ebx & 0xffff);
  return ((leaf.ecx >> 8) & 0xff) == 1 && threads > 0 ? threads : 1;
}

}  // namespace

Cpu probe_cpu() {
  Cpu cpu;
  cpu.name = brand_string();
  cpu.features = probe_features();
  const int threads = usable_processors(), shared = threads_per_core();
  cpu.cores = (threads + shared - 1) / shared;  // hyper-threads add no arithmetic
  assume_cpu_flops(cpu, clock_ghz(cpu.name));
  cpu.cores = threads;
  assume_cpu_bandwidth(cpu);
  return cpu;
}

}  // namespace mxpath
