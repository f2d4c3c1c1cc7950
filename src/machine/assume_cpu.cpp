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

/// Sources: Intel 64 and IA-32 optimization manual (two 512-bit FMA ports, VDPBF16PS at half rate, TDPBF16PS every 16
/// cycles: 8,192 multiply-adds), AMD's software optimization guides for family 19h (Zen 4: 256-bit pipes, VDPBF16PS
/// once a cycle) and 1Ah (Zen 5: 512-bit pipes). Portable code is compiled for SSE2: one multiply and one add of four
/// lanes.
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
  // 10 GB/s is what one core reads on ordinary memory; the ceilings are four fifths of what the usual configuration of
  // each kind has: eight channels in a server, two of DDR5, DDR4, or DDR3 elsewhere.
  const auto named = [&](const char* word) { return cpu.name.find(word) != std::string::npos; };
  const bool ddr5 = cpu.features.has(CpuFeature::avx_vnni) || cpu.features.has(CpuFeature::avx512_bf16);
  double ceiling = ddr5 ? 60 : cpu.features.has(CpuFeature::avx2) ? 30 : 10;
  if (named("EPYC") || named("Xeon") || named("XEON") || cpu.features.has(CpuFeature::amx_tile))
    ceiling = ddr5 ? 240 : 100;
  cpu.bandwidth = std::min(10.0 * cpu.cores, ceiling) * gigabyte;
  cpu.bandwidth_measured = false;
}

double one_core_bandwidth(const Cpu& cpu) {
  constexpr double gigabyte = 1e9;
  const auto named = [&](const char* word) { return cpu.name.find(word) != std::string::npos; };
  const bool ddr5 = cpu.features.has(CpuFeature::avx_vnni) || cpu.features.has(CpuFeature::avx512_bf16);
  // What one core reads is bounded by the misses that it may have under way and by how long each takes. A mesh of many
  // cores makes them long: 12 GB/s a core were measured on a Sapphire Rapids (two threads 23.5), 10 to 14 are reported
  // of server Xeons. A Zen 4 or Zen 5 core reads 25 to 39 (39 of one thread, 67 of two, were measured on Zen 5),
  // desktop cores with DDR4 15 to 20.
  if (named("Xeon") || named("XEON") || cpu.features.has(CpuFeature::amx_tile)) return 12 * gigabyte;
  if (named("AMD") && ddr5) return 25 * gigabyte;
  return (cpu.features.has(CpuFeature::avx2) ? 15 : 8) * gigabyte;
}

double bandwidth_of(const Cpu& cpu, int threads) {
  const int read = cpu.bandwidth_threads ? std::min(cpu.bandwidth_threads, cpu.cores) : cpu.cores;
  const double wanted = std::clamp(threads, 1, cpu.cores), share = cpu.bandwidth / read;
  if (wanted <= read) return std::min(cpu.bandwidth, wanted * std::max(share, one_core_bandwidth(cpu)));
  // More threads than were measured: they gain until the memory of such a machine is at its end, and lose nothing.
  Cpu all = cpu;
  assume_cpu_bandwidth(all);
  return std::max(cpu.bandwidth, std::min(wanted * share, all.bandwidth));
}

Machine with_threads(Machine machine, int threads) {
  Cpu& cpu = machine.cpu;
  const int some = std::clamp(threads, 1, cpu.cores);
  cpu.bandwidth = bandwidth_of(cpu, some);
  for (double& rate : cpu.flops) rate *= static_cast<double>(some) / cpu.cores;
  cpu.cores = some, cpu.bandwidth_threads = 0;
  return machine;
}

}  // namespace mxpath
