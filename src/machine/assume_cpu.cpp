// What a CPU can do at most, told from its features and name where nobody has measured it.
#include <algorithm>
#include <cmath>

#include "machine/machine.h"

namespace mxpath {
namespace {

constexpr double megaflop = 1e6;

/// Flops a core does in one cycle, a multiply-add counted as two.
struct FlopsPerCycle {
  double scalar, avx2, avx512, avx512_bf16, amx;
};

/// Sources: Intel 64 and IA-32 optimization manual (two 512-bit FMA ports, VDPBF16PS at half rate, TDPBF16PS every 16 cycles: 8,192
/// multiply-adds), AMD's software optimization guides for family 19h (Zen 4: 256-bit pipes, VDPBF16PS once a cycle) and 1Ah (Zen 5:
/// 512-bit pipes). Portable code is compiled for SSE2: one multiply and one add of four lanes.
FlopsPerCycle flops_per_cycle(const Cpu& cpu) {
  const bool amd = cpu.name.find("AMD") != std::string::npos;
  const bool zen4 = amd && !cpu.features.has(CpuFeature::avx_vnni);
  if (zen4) return {8, 32, 32, 64, 0};
  if (amd) return {8, 32, 64, 128, 0};
  return {8, 32, 64, 64, 1024};
}

}  // namespace

void assume_cpu_flops(Cpu& cpu, double clock_ghz) {
  const FlopsPerCycle flops = flops_per_cycle(cpu);
  const double cycles = (clock_ghz > 0 ? clock_ghz : 2.5) * 1e9 * cpu.cores;
  const auto set = [&](Unit unit, double per_cycle) {
    const bool exists = cpu.features.contains(features_of(unit));
    cpu.flops[static_cast<int>(unit)] = exists ? std::round(cycles * per_cycle / megaflop) * megaflop : 0;
  };
  set(Unit::scalar, flops.scalar);
  set(Unit::avx2, flops.avx2);
  set(Unit::avx512, flops.avx512);
  set(Unit::avx512_bf16, flops.avx512_bf16);
  set(Unit::amx, flops.amx);
}

void assume_cpu_bandwidth(Cpu& cpu) {
  constexpr double gigabyte = 1e9;
  // 10 GB/s is what one core reads on ordinary memory; the ceilings are four fifths of what the usual configuration of each kind
  // has: eight channels in a server, two of DDR5, DDR4, or DDR3 elsewhere.
  const auto named = [&](const char* word) { return cpu.name.find(word) != std::string::npos; };
  const bool ddr5 = cpu.features.has(CpuFeature::avx_vnni) || cpu.features.has(CpuFeature::avx512_bf16);
  double ceiling = ddr5 ? 60 : cpu.features.has(CpuFeature::avx2) ? 30 : 10;
  if (named("EPYC") || named("Xeon") || named("XEON") || cpu.features.has(CpuFeature::amx_tile)) ceiling = ddr5 ? 240 : 100;
  cpu.bandwidth = std::min(10.0 * cpu.cores, ceiling) * gigabyte;
  cpu.bandwidth_measured = false;
}

}  // namespace mxpath
