#include "machine/machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/buffer.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "machine/known_machines.h"
#include "machine/probe.h"
#include "machine/sum_words/sum_words.h"

namespace mxpath {
namespace {

constexpr Unit cpu_units[] = {Unit::scalar, Unit::avx2, Unit::avx512, Unit::avx512_bf16, Unit::amx};

void expect_units_match_features(const Cpu& cpu) {
  for (Unit unit : cpu_units)
    EXPECT_EQ(cpu.flops[static_cast<int>(unit)] > 0, cpu.features.contains(features_of(unit)))
        << cpu.name << " " << name_of(unit);
  EXPECT_EQ(cpu.flops[static_cast<int>(Unit::cuda_cores)], 0);
  EXPECT_EQ(cpu.flops[static_cast<int>(Unit::tensor_cores)], 0);
}

TEST(CpuFeatures, AreASet) {
  CpuFeatures some = {CpuFeature::avx2, CpuFeature::fma};
  EXPECT_TRUE(some.has(CpuFeature::fma));
  EXPECT_FALSE(some.has(CpuFeature::amx_int8));
  EXPECT_TRUE(some.contains({CpuFeature::avx2}));
  EXPECT_TRUE(some.contains({}));
  EXPECT_FALSE(some.contains({CpuFeature::avx2, CpuFeature::avx512}));
  EXPECT_EQ(some.to_string(), "avx2+fma");
  EXPECT_EQ(some.without({CpuFeature::avx2}).to_string(), "fma");
  EXPECT_EQ(CpuFeatures{}.to_string(), "none");
}

TEST(CpuFeatures, EveryNameIsItsOwn) {
  for (int a = 0; a < cpu_feature_count; ++a)
    for (int b = 0; b < a; ++b) EXPECT_NE(name_of(static_cast<CpuFeature>(a)), name_of(static_cast<CpuFeature>(b)));
  EXPECT_EQ(name_of(CpuFeature::amx_int8), "amx_int8");
}

// Capabilities are names: consumer Blackwell (12.0) lacks what Hopper's 9.0a code needs, though its number is larger.
TEST(ArchSet, KindsAreNotAnOrder) {
  EXPECT_TRUE(at(90).contains({90}));
  EXPECT_FALSE(at(90).contains({120}));
  EXPECT_FALSE(at(90).contains({100}));
  EXPECT_FALSE(at(90).contains({89}));
  EXPECT_TRUE(from(80).contains({80}));
  EXPECT_TRUE(from(80).contains({120}));
  EXPECT_FALSE(from(80).contains({75}));
  EXPECT_FALSE(from(75).contains({0}));
  EXPECT_TRUE(any_arch.contains({0}));
  EXPECT_TRUE(any_arch.contains({75}));
}

TEST(ArchSet, Texts) {
  EXPECT_EQ(any_arch.to_string(), "any");
  EXPECT_EQ(from(80).to_string(), "sm80 or later");
  EXPECT_EQ(at(90).to_string(), "sm90a only");
  EXPECT_EQ(Arch{120}.to_string(), "sm120");
  EXPECT_EQ(Arch{}.to_string(), "none");
}

TEST(Unit, NamesAndFeatures) {
  EXPECT_EQ(name_of(Unit::avx512_bf16), "avx512_bf16");
  EXPECT_EQ(name_of(Unit::tensor_cores), "tensor_cores");
  EXPECT_TRUE(features_of(Unit::scalar).empty());
  EXPECT_EQ(features_of(Unit::amx).to_string(), "amx_tile+amx_bf16");
}

TEST(AssumeCpu, RatesOfKnownKinds) {
  Cpu cpu;
  cpu.name = "Intel(R) Xeon(R)";
  cpu.cores = 2;
  cpu.features = {CpuFeature::avx2, CpuFeature::fma, CpuFeature::avx512};
  assume_cpu_flops(cpu, 3.2);
  EXPECT_EQ(cpu.flops[static_cast<int>(Unit::avx2)], 204.8e9);
  EXPECT_EQ(cpu.flops[static_cast<int>(Unit::avx512)], 409.6e9);
  EXPECT_EQ(cpu.flops[static_cast<int>(Unit::amx)], 0);
  cpu.name = "AMD Ryzen 9 7950X";  // Zen 4: two halves
  assume_cpu_flops(cpu, 3.2);
  EXPECT_EQ(cpu.flops[static_cast<int>(Unit::avx512)], 204.8e9);
  cpu.features.add(CpuFeature::avx_vnni);  // Zen 5
  assume_cpu_flops(cpu, 3.2);
  EXPECT_EQ(cpu.flops[static_cast<int>(Unit::avx512)], 409.6e9);
  assume_cpu_flops(cpu);
  EXPECT_EQ(cpu.flops[static_cast<int>(Unit::scalar)], 2 * 2.5e9 * 8);
}

TEST(AssumeCpu, BandwidthGrowsWithCoresUpToACeiling) {
  Cpu cpu;
  cpu.features = {CpuFeature::avx2};
  for (auto [cores, wanted] : {std::pair{1, 10e9}, {2, 20e9}, {8, 30e9}, {64, 30e9}}) {
    cpu.cores = cores;
    assume_cpu_bandwidth(cpu);
    EXPECT_EQ(cpu.bandwidth, wanted);
    EXPECT_FALSE(cpu.bandwidth_measured);
  }
  cpu.name = "AMD EPYC 7742 64-Core Processor";
  assume_cpu_bandwidth(cpu);
  EXPECT_EQ(cpu.bandwidth, 100e9);
}

TEST(Threads, FewerReadAndComputeLess) {
  Cpu xeon;
  xeon.name = "Intel(R) Xeon(R) Platinum 8480+", xeon.cores = 16, xeon.bandwidth = 200e9;
  Machine machine;
  machine.cpu = xeon;
  machine.cpu.flops[static_cast<int>(Unit::avx512)] = 1.6e12;
  const Machine two = with_threads(machine, 2);
  EXPECT_EQ(two.cpu.bandwidth, 25e9) << "an eighth, which is more than two cores of a server are said to read";
  EXPECT_EQ(two.cpu.flops[static_cast<int>(Unit::avx512)], 0.2e12);
  machine.cpu.bandwidth = 60e9;
  EXPECT_EQ(with_threads(machine, 2).cpu.bandwidth, 24e9) << "two cores of 12 GB/s";
  EXPECT_EQ(with_threads(machine, 16), with_threads(machine, 400));
  EXPECT_EQ(with_threads(machine, 16).cpu.bandwidth, 60e9);
  EXPECT_EQ(with_threads(two, 2), two) << "asking twice changes nothing";
}

TEST(Threads, WhatSoManyMeasuredCounts) {
  Cpu cpu;
  cpu.cores = 8, cpu.bandwidth = 43e9, cpu.bandwidth_threads = 2, cpu.bandwidth_measured = true,
  cpu.features = {CpuFeature::avx2};
  EXPECT_EQ(bandwidth_of(cpu, 2), 43e9);
  EXPECT_EQ(bandwidth_of(cpu, 1), 21.5e9);
  EXPECT_EQ(bandwidth_of(cpu, 8), 43e9) << "never less for more threads, and no more than such a machine has";
}

TEST(Threads, MoreAreNeverSlowerOnAnyMachine) {
  for (const KnownMachine& known : known_machines()) {
    Machine machine = machine_from_json(known.json, known.name).value();
    for (int measured : {0, 1, 2, 5}) {
      machine.cpu.bandwidth_threads = measured;
      double last = 0;
      for (int threads = 1; threads <= 2 * machine.cpu.cores; ++threads) {
        const double now = bandwidth_of(machine.cpu, threads);
        EXPECT_GE(now, last) << known.name << ", " << threads << " threads";
        last = now;
      }
      EXPECT_GE(last, machine.cpu.bandwidth) << known.name;
    }
  }
}

TEST(AssumeGpu, WhatTheDriverDoesNotTellIsThatOfTheProduct) {
  Gpu gb10{.name = "NVIDIA GB10", .arch = {121}, .memory = uint64_t{119} << 30};
  assume_missing_rates(gb10);
  EXPECT_EQ(gb10.bandwidth, 273e9);
  EXPECT_TRUE(gb10.bandwidth_assumed);
  EXPECT_EQ(gb10.cuda_flops, 31e12);
  Gpu unknown{.name = "NVIDIA Something New", .arch = {89}};  // the lowest of its architecture
  assume_missing_rates(unknown);
  EXPECT_EQ(unknown.bandwidth, known_machine("rtx_4060").value().gpus[0].bandwidth);
  for (const int arch : {52, 87, 150}) {  // older than all that are known, between them, newer
    Gpu other{.name = "NVIDIA Something Else", .arch = {arch}};
    assume_missing_rates(other);
    EXPECT_GT(other.bandwidth, 1e10) << arch;
    EXPECT_GT(other.cuda_flops, 1e11) << arch;
  }
  Gpu told{.name = "NVIDIA GB10", .arch = {121}, .bandwidth = 1e9, .cuda_flops = 1e9};
  assume_missing_rates(told);
  EXPECT_EQ(told.bandwidth, 1e9);
  EXPECT_FALSE(told.bandwidth_assumed);
}

TEST(Probe, FactsAgreeWithEachOther) {
  const Machine machine = probe_machine();
  const CpuFeatures f = machine.cpu.features;
  EXPECT_FALSE(machine.name.empty());
  EXPECT_FALSE(machine.cpu.name.empty());
  EXPECT_EQ(machine.cpu.cores, usable_processors());
  EXPECT_GT(machine.memory, uint64_t{64} << 20);
  EXPECT_GT(machine.held_memory, uint64_t{1} << 20) << "this program at least";
  EXPECT_LT(machine.held_memory, machine.memory);
  EXPECT_EQ(machine.cpu.isa, Isa::x86_64);
  EXPECT_GT(machine.cpu.bandwidth, 0);
  EXPECT_TRUE(!f.has(CpuFeature::avx512) || f.contains({CpuFeature::avx2, CpuFeature::fma, CpuFeature::f16c}));
  EXPECT_TRUE(!f.has(CpuFeature::avx512_bf16) || f.has(CpuFeature::avx512));
  EXPECT_TRUE(!f.has(CpuFeature::avx512_vnni) || f.has(CpuFeature::avx512));
  EXPECT_TRUE(!f.has(CpuFeature::amx_bf16) || f.has(CpuFeature::amx_tile));
  EXPECT_EQ(machine.gpus.empty(), !machine.no_gpu_reason.empty());
  expect_units_match_features(machine.cpu);
}

TEST(Probe, SameTwiceAndAsJson) {
  const Machine machine = probe_machine();
  const auto again = machine_from_json(machine_to_json(machine).dump(2), "probed");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, machine);
}

// What the kernel says in /proc/cpuinfo went through the same rules; it is a second opinion, not our source.
TEST(Probe, FeaturesAreThoseOfTheKernel) {
  std::ifstream file("/proc/cpuinfo");
  std::string flags;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("flags")) flags = line + " ";
  if (flags.empty()) GTEST_SKIP() << "no flags in /proc/cpuinfo";
  const auto flag = [&](const char* name) { return flags.find(std::string(" ") + name + " ") != std::string::npos; };
  const CpuFeatures f = probe_machine().cpu.features;
  EXPECT_EQ(f.has(CpuFeature::avx2), flag("avx2"));
  EXPECT_EQ(f.has(CpuFeature::fma), flag("fma"));
  EXPECT_EQ(f.has(CpuFeature::f16c), flag("f16c"));
  EXPECT_EQ(f.has(CpuFeature::avx512), flag("avx512f") && flag("avx512bw") && flag("avx512vl") && flag("avx512dq"));
  EXPECT_EQ(f.has(CpuFeature::avx512_bf16), flag("avx512_bf16"));
  EXPECT_EQ(f.has(CpuFeature::avx512_vnni), flag("avx512_vnni"));
  EXPECT_TRUE(!f.has(CpuFeature::amx_tile) || flag("amx_tile"));
}

TEST(Probe, IsFast) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const Machine machine = probe_machine();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    ASSERT_FALSE(machine.cpu.name.empty());
    if (!machine.gpus.empty()) GTEST_SKIP() << "a GPU's driver takes its time";
  }
  EXPECT_LT(best, 0.020);
}

class FakeRoot : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "mxpath_root_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    write("/proc/meminfo", "MemTotal:       16384000 kB\nMemFree:  1 kB\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string root_;
};

constexpr uint64_t fake_total = uint64_t{16384000} * 1024;

TEST_F(FakeRoot, WithoutCgroupsMemTotalCounts) {
  EXPECT_EQ(probe_memory(root_), fake_total);
  EXPECT_EQ(probe_memory_limit(root_), 0u);
}

TEST_F(FakeRoot, CgroupV2TakesTheLeastOnTheWayUp) {
  write("/proc/self/cgroup", "0::/system.slice/app.service\n");
  write("/sys/fs/cgroup/system.slice/app.service/memory.max", "max\n");
  EXPECT_EQ(probe_memory(root_), fake_total);
  write("/sys/fs/cgroup/system.slice/memory.max", "2147483648\n");
  EXPECT_EQ(probe_memory(root_), 2147483648u);
  EXPECT_EQ(probe_memory_limit(root_), 2147483648u);
  write("/sys/fs/cgroup/system.slice/app.service/memory.max", "1073741824\n");
  EXPECT_EQ(probe_memory(root_), 1073741824u);
}

TEST_F(FakeRoot, InAContainerTheLimitStandsAtTheRoot) {
  write("/proc/self/cgroup", "0::/docker/0123\n");
  write("/sys/fs/cgroup/memory.max", "1073741824\n");
  EXPECT_EQ(probe_memory(root_), 1073741824u);
}

TEST_F(FakeRoot, CgroupV1) {
  write("/proc/self/cgroup", "12:cpuset:/\n5:hugetlb,memory:/job/a:b\n1:name=systemd:/x\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(probe_memory(root_), fake_total);
  write("/sys/fs/cgroup/memory/job/a:b/memory.limit_in_bytes", "3221225472\n");
  EXPECT_EQ(probe_memory(root_), 3221225472u);
}

TEST_F(FakeRoot, NothingToReadIsUnknown) {
  EXPECT_EQ(probe_memory(root_ + "/nowhere"), 0u);
  EXPECT_EQ(probe_free_memory(root_ + "/nowhere"), 0u);
}

constexpr uint64_t mib = 1 << 20;

TEST_F(FakeRoot, WhatOtherProgramsHoldIsNotFree) {
  write("/proc/meminfo",
        "MemTotal: 16384000 kB\nMemFree: 100 kB\nMemAvailable: 4096000 kB\nCached: 3000000 kB\nHugePages_Total: "
        "1024\nSwapFree: 99999999 "
        "kB\n");
  EXPECT_EQ(probe_memory(root_), fake_total);
  EXPECT_EQ(probe_free_memory(root_), fake_total / 4);
}

TEST_F(FakeRoot, OldKernelsDoNotSayWhatIsAvailable) {
  write("/proc/meminfo", "MemTotal: 16384000 kB\nMemFree: 1000000 kB\nCached: 3000000 kB\n");
  EXPECT_EQ(probe_free_memory(root_), uint64_t{4000000} * 1024);
  write("/proc/meminfo", "MemTotal: 16384000 kB\n");
  EXPECT_EQ(probe_free_memory(root_), fake_total) << "where nobody says anything, all of it";
}

TEST_F(FakeRoot, WhatAGroupUsesIsNotFreeButItsPageCacheIs) {
  write("/proc/meminfo", "MemTotal: 16384000 kB\nMemAvailable: 16000000 kB\n");
  write("/proc/self/cgroup", "0::/jobs/one\n");
  write("/sys/fs/cgroup/jobs/one/memory.max", "8589934592\n");
  write("/sys/fs/cgroup/jobs/one/memory.current", "7516192768\n");
  EXPECT_EQ(probe_free_memory(root_), 1024 * mib);
  // A checkpoint that was read before: its pages are dropped when memory is wanted.
  write("/sys/fs/cgroup/jobs/one/memory.stat",
        "anon 1073741824\nfile 6442450944\ninactive_file 5368709120\nactive_file 1073741824\n");
  EXPECT_EQ(probe_free_memory(root_), 7168 * mib);
  // The group around it has a limit of its own, which its other members have nearly used up.
  write("/sys/fs/cgroup/jobs/memory.max", "10737418240\n");
  write("/sys/fs/cgroup/jobs/memory.current", "10200547328\n");
  EXPECT_EQ(probe_memory(root_), 8192 * mib);
  EXPECT_EQ(probe_free_memory(root_), 512 * mib);
  write("/sys/fs/cgroup/jobs/memory.current", "99999999999\n");
  EXPECT_EQ(probe_free_memory(root_), 0u);
}

TEST_F(FakeRoot, AboveItsSoftLimitAGroupHardlyRuns) {
  write("/proc/meminfo", "MemTotal: 16384000 kB\nMemAvailable: 16000000 kB\n");
  write("/proc/self/cgroup", "0::/job\n");
  write("/sys/fs/cgroup/job/memory.max", "max\n");
  write("/sys/fs/cgroup/job/memory.high", "2147483648\n");
  write("/sys/fs/cgroup/job/memory.current", "1073741824\n");
  EXPECT_EQ(probe_memory(root_), 2048 * mib);
  EXPECT_EQ(probe_free_memory(root_), 1024 * mib);
}

TEST_F(FakeRoot, TheFirstVersionOfGroupsCountsAlike) {
  write("/proc/meminfo", "MemTotal: 16384000 kB\nMemAvailable: 16000000 kB\n");
  write("/proc/self/cgroup", "5:memory:/job\n0::/\n");
  write("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4294967296\n");
  write("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "3221225472\n");
  EXPECT_EQ(probe_free_memory(root_), 1024 * mib);
  write("/sys/fs/cgroup/memory/job/memory.stat",
        "inactive_file 1\ntotal_inactive_file 1073741824\ntotal_active_file 536870912\n");
  EXPECT_EQ(probe_free_memory(root_), 2560 * mib);
}

// Not a speed test: only that the figure can be one. Half the buffer in cache or pages never touched would read above 1
// TB/s a core.
TEST(Bandwidth, IsPlausible) {
  const BandwidthReading one = measure_bandwidth(1, 0.02);
  EXPECT_GT(one.bytes_per_second, 0.1e9);
  EXPECT_LT(one.bytes_per_second, 400e9);
  EXPECT_GE(one.spread, 0);
}

TEST(Bandwidth, EveryWayOfReadingReadsEveryWord) {
  const size_t bytes = 8 * word_block;
  Buffer buffer = std::move(Buffer::allocate(bytes).value());
  uint64_t expected = 0;
  for (size_t i = 0; i < bytes / 8; ++i) expected += buffer.as<uint64_t>()[i] = (i + 1) * 0x9e3779b97f4a7c15;
  const CpuFeatures features = probe_cpu().features;
  for (const Reading how : readings) {
    EXPECT_EQ(sum_words_portable(buffer.data(), bytes, how), expected) << how.streams;
    if (features.has(CpuFeature::avx2)) {
      EXPECT_EQ(sum_words_avx2(buffer.data(), bytes, how), expected) << how.streams;
    }
    if (features.has(CpuFeature::avx512)) {
      EXPECT_EQ(sum_words_avx512(buffer.data(), bytes, how), expected) << how.streams;
    }
  }
}

}  // namespace
}  // namespace mxpath
