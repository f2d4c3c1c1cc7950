// What a computer is: a value that is probed, or loaded from JSON.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/result.h"
#include "device/device_id.h"

namespace mxpath {

/// CPU abilities that a kernel path may ask for. Present means the operating system grants the state too (XCR0, AMX
/// permission). avx512 is F, BW, VL and DQ together.
// clang-format off
enum class CpuFeature : uint8_t { avx2, fma, f16c, avx512, avx512_bf16, avx512_vnni, avx_vnni, amx_tile, amx_bf16, amx_int8 };
// clang-format on
inline constexpr int cpu_feature_count = 10;
std::string_view name_of(CpuFeature feature);

/// A set of CpuFeature.
class CpuFeatures {
 public:
  constexpr CpuFeatures() = default;
  constexpr CpuFeatures(std::initializer_list<CpuFeature> list) {
    for (CpuFeature f : list) bits_ |= bit(f);
  }
  constexpr bool has(CpuFeature f) const { return bits_ & bit(f); }
  constexpr bool contains(CpuFeatures other) const { return (bits_ & other.bits_) == other.bits_; }
  constexpr void add(CpuFeature f) { bits_ |= bit(f); }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr CpuFeatures without(CpuFeatures other) const {
    CpuFeatures r;
    r.bits_ = bits_ & ~other.bits_;
    return r;
  }
  constexpr bool operator==(const CpuFeatures&) const = default;
  std::string to_string() const;  ///< "avx2+fma", or "none"

 private:
  static constexpr uint32_t bit(CpuFeature f) { return 1u << static_cast<int>(f); }
  uint32_t bits_ = 0;
};

/// A compute capability, 90 for 9.0. Capabilities are names, not an order: see ArchSet.
struct Arch {
  int number = 0;  ///< 0: no CUDA
  constexpr bool operator==(const Arch&) const = default;
  std::string to_string() const;  ///< "sm90"; "none" for 0
};

/// Which CUDA devices can load the image of a path. Three kinds, because binaries come in three kinds.
struct ArchSet {
  enum class Kind : uint8_t { any, from, at } kind = Kind::any;
  Arch arch = {};
  constexpr bool contains(Arch a) const {
    return kind == Kind::any || (kind == Kind::from ? a.number >= arch.number : a == arch);
  }
  std::string to_string() const;  ///< "any", "sm80 or later", "sm90a only"
};
inline constexpr ArchSet any_arch{};
constexpr ArchSet from(int sm) {
  return {ArchSet::Kind::from, {sm}};
}  ///< PTX of that architecture: it and every later one
constexpr ArchSet at(int sm) { return {ArchSet::Kind::at, {sm}}; }  ///< family code (sm_90a): exactly that one

/// The arithmetic units that a path can compute under; each has its own roof.
enum class Unit : uint8_t { scalar, avx2, avx512, avx512_bf16, amx, cuda_cores, tensor_cores };
inline constexpr int unit_count = 7;
std::string_view name_of(Unit unit);
/// What a CPU must have for a unit to exist: avx2 → avx2+fma, amx → amx_tile+amx_bf16, …; none for scalar and for the
/// units of a GPU.
CpuFeatures features_of(Unit unit);

/// What a CPU executes. mxpath itself exists for x86-64 only; machine files may describe others.
enum class Isa : uint8_t { x86_64, aarch64 };
inline constexpr int isa_count = 2;
std::string_view name_of(Isa isa);  ///< "x86-64", "aarch64"

struct Gpu {
  std::string name = {};  ///< a MIG slice says so in its name, and all below is what the slice has
  Arch arch = {};
  int driver = 0;                           ///< CUDA driver API version, 12080 = 12.8; 0: no driver
  uint64_t shared_memory = 0;               ///< bytes a block may use after opting in
  uint64_t memory = 0, free_memory = 0;     ///< bytes
  bool integrated = false;                  ///< its memory is the computer's, counted in Machine::memory as well
  double bandwidth = 0;                     ///< bytes/s of device memory
  bool bandwidth_assumed = false;           ///< the driver does not tell it: that of its product or architecture
  double cuda_flops = 0, tensor_flops = 0;  ///< FP32 on the cores, dense BF16 on the tensor cores; flop/s
  std::string problem = {};                 ///< why it cannot be used now: held by another program, say; empty: it can
  std::string uuid = {};                    ///< "GPU-8c0d…", of a slice "MIG-8c0d…"; empty: not known
  bool operator==(const Gpu&) const = default;
};

struct Cpu {
  std::string name = {};
  Isa isa = Isa::x86_64;
  CpuFeatures features;
  int cores = 1;                    ///< cores that this process may use
  double bandwidth = 0;             ///< bytes/s, all cores reading, or bandwidth_threads of them
  int bandwidth_threads = 0;        ///< 0: all cores
  bool bandwidth_measured = false;  ///< false: assumed from the kind of CPU
  double bandwidth_spread = 0;      ///< how far the readings of a measurement lie apart, as a share of their median
  double bandwidth_load = 0;  ///< the computer's load average when that was measured; 0: it stood idle, or nobody knows
  double flops[unit_count] = {};  ///< flop/s of all cores by Unit; 0 where the unit does not exist
  bool operator==(const Cpu&) const = default;
};

/// The way between two devices' memories, the same in both directions.
struct Link {
  DeviceId a = {}, b = {};
  double bandwidth = 0;   ///< bytes/s of one copy
  double latency = 0;     ///< seconds that a copy of nothing takes, the wait for it included
  bool peer = false;      ///< between GPUs: without the computer's memory between them
  bool nvlink = false;    ///< otherwise PCIe
  bool measured = false;  ///< false: assumed from the bus
  /// Whether these are its ends, either way round.
  bool joins(DeviceId x, DeviceId y) const { return (a == x && b == y) || (a == y && b == x); }
  bool operator==(const Link&) const = default;
};

/// One computer. Plain data: planning never looks at the hardware, only at this.
struct Machine {
  std::string name = {};
  Cpu cpu;
  uint64_t memory = 0;  ///< bytes of RAM this process may use (cgroup limit included)
  /// The part of it that programs hold already, this one included; 0: nothing, as if it stood idle.
  uint64_t held_memory = 0;
  std::vector<Gpu> gpus;      ///< cuda:0, cuda:1, …, as CUDA counts those that CUDA_VISIBLE_DEVICES shows it
  std::vector<Link> links;    ///< those that are known; link_between() has all
  std::string no_gpu_reason;  ///< why gpus is empty: "this build has no CUDA", "no driver", …
  std::string visible_gpus;   ///< CUDA_VISIBLE_DEVICES where it is set; empty: the numbers are the driver's own
  std::string source;         ///< where the facts come from; free text
  uint64_t free_memory() const { return memory > held_memory ? memory - held_memory : 0; }
  /// Null where there is no such GPU.
  const Gpu* gpu(DeviceId device) const {
    return device.is_gpu() && static_cast<size_t>(device.index) < gpus.size() ? &gpus[static_cast<size_t>(device.index)]
                                                                              : nullptr;
  }
  bool operator==(const Machine&) const = default;
};

/// The link between two devices: the machine's own, or assumed_link().
Link link_between(const Machine& machine, DeviceId a, DeviceId b);
/// A link that nobody has measured, with what its bus gives at least.
Link assumed_link(DeviceId a, DeviceId b, bool peer = false, bool nvlink = false);
/// Seconds that a copy over the link takes.
double copy_seconds(const Link& link, double bytes);

/// Looks at this computer. Never fails: what cannot be found out is left at a cautious default. Takes under 5 ms; where
/// there is a GPU, as long as its driver takes to open it. Holds nothing on a GPU afterwards.
Machine probe_machine();

/// A measured bandwidth.
struct BandwidthReading {
  double bytes_per_second = 0;  ///< the median of all passes; 0: there was no memory for a buffer that no cache holds
  double spread = 0;            ///< from the first to the third quartile of the passes, as a share of the median
};
/// Readings whose spread is above this share are called unsteady: something else uses the memory.
inline constexpr double unsteady_spread = 0.1;
/// Reads memory with `threads` threads for about `seconds`, at least three times; choosing how to read, and making the
/// buffer, take as long again each.
BandwidthReading measure_bandwidth(int threads, double seconds = 0.15);

/// A bandwidth that was measured while more programs than this for each core wanted to run is said to be of a busy
/// computer: it is lower.
inline constexpr double busy_load_per_core = 0.25;
bool measured_while_busy(const Cpu& cpu);

/// bytes/s that `threads` threads read: the measured or assumed figure where it is for so many, otherwise each thread's
/// share of it or what one core of that kind reads alone (one_core_bandwidth), whichever is more, until the figure is
/// reached. Grows with the threads.
double bandwidth_of(const Cpu& cpu, int threads);
/// The machine as a program with so many threads sees it: the bandwidth of so many, their share of the arithmetic;
/// `cores` is lowered to `threads`. More threads than cores have what all cores have.
Machine with_threads(Machine machine, int threads);
/// bytes/s that one core of a CPU of this kind reads alone.
double one_core_bandwidth(const Cpu& cpu);

/// Sets flop/s by Unit for a CPU with these features: cores × clock × flops per cycle, what the vendor's manuals say of
/// its kind (see assume_cpu.cpp). clock_ghz 0: 2.5. Units that the CPU lacks become 0.
void assume_cpu_flops(Cpu& cpu, double clock_ghz = 0);
/// Sets a cautious bandwidth, from the number of cores and the kind of CPU, and bandwidth_measured = false.
void assume_cpu_bandwidth(Cpu& cpu);
/// Sets the rates that a driver did not tell (0: some report no clocks): those of the known machine with this product,
/// else the lowest of its architecture, else of the last architecture before it. bandwidth_assumed says so.
void assume_missing_rates(Gpu& gpu);

/// {"name", "source", "memory_gib", "cpu": {…}, "gpus": […], "links": […]}; tests/machines has examples. Rates are kept
/// to 1 kB/s and 1 Mflop/s.
Json machine_to_json(const Machine& machine);
/// The inverse. `cpu.gflops` and `cpu.bandwidth_gb_s` may be absent and are then assumed; `free_memory_gib` (default:
/// all of it), `gpus`, `no_gpu_reason`, `source`, the CPU's `isa` (default: x86-64), `bandwidth_threads` (default: all
/// cores), `bandwidth_spread` and `bandwidth_load`, and a GPU's `driver`, `uuid`, `free_memory_gib` (default: all of
/// it), `integrated` and `bandwidth_assumed` (default: false) may be too, and `links`: {"a": "cuda:0", "b": "cuda:1",
/// "bandwidth_gb_s", "latency_us", "peer", "nvlink", "measured"}, the last three false if absent; `visible_gpus`.
/// Errors: not JSON, unknown field or feature (the known ones are listed), a missing field, a number out of range, a
/// feature without the one it builds on, a unit without the feature it needs, a GPU beside a reason why there is none.
Result<Machine> machine_from_json(std::string_view json, std::string_view where);

}  // namespace mxpath
