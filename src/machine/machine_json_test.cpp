#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "machine/machine.h"

namespace mxpath {
namespace {

constexpr const char* folder = MXPATH_SOURCE_DIR "/tests/machines";

Machine load(const std::string& path) {
  const auto text = read_text_file(path);
  EXPECT_TRUE(text.ok());
  auto machine = machine_from_json(*text, path);
  EXPECT_TRUE(machine.ok()) << machine.error().message;
  return *machine;
}

std::vector<std::string> machine_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  return files;
}

/// A small valid machine, for tests that spoil one thing.
Json small_machine() {
  const auto json = parse_json(R"({"name": "small", "memory_gib": 4,
    "cpu": {"name": "some CPU", "features": ["avx2", "fma", "f16c"], "cores": 2, "bandwidth_gb_s": 12.5, "gflops": {"scalar": 40, "avx2": 160}},
    "gpus": [{"name": "some GPU", "compute_capability": "8.6", "driver": "12.8", "shared_memory_per_block": 101376, "memory_gib": 8,
              "bandwidth_gb_s": 448, "fp32_tflops": 20, "bf16_tensor_tflops": 40}]})",
                               "small");
  EXPECT_TRUE(json.ok());
  return *json;
}

std::string error_of(const Json& json) {
  const auto machine = machine_from_json(json.dump(), "m.json");
  return machine.ok() ? "" : machine.error().message;
}

TEST(MachineJson, EveryFileLoadsAndComesBackEqual) {
  const auto files = machine_files();
  EXPECT_GE(files.size(), 12u);
  std::set<std::string> names;
  for (const auto& path : files) {
    const Machine machine = load(path);
    const auto again = machine_from_json(machine_to_json(machine).dump(2), "again");
    ASSERT_TRUE(again.ok()) << path << ": " << again.error().message;
    EXPECT_EQ(*again, machine) << path;
    EXPECT_FALSE(machine.source.empty()) << path;
    EXPECT_TRUE(names.insert(machine.name).second) << path << ": the name is taken";
    const std::string file = std::filesystem::path(path).filename();
    EXPECT_EQ(file.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ- "), std::string::npos) << path;
  }
}

// The files say cores × clock × flops per cycle; every unit must then stand in the ratio that assume_cpu_flops has.
TEST(MachineJson, FilesAgreeWithTheAssumptions) {
  for (const auto& path : machine_files()) {
    const Cpu cpu = load(path).cpu;
    Cpu assumed = cpu;
    assume_cpu_flops(assumed, cpu.flops[0] / 8e9 / cpu.cores);
    for (int unit = 0; unit < unit_count; ++unit)
      EXPECT_NEAR(cpu.flops[unit], assumed.flops[unit], 2e6) << path << " " << name_of(static_cast<Unit>(unit));
  }
}

TEST(MachineJson, SharedMemoryFollowsTheCapability) {
  const std::pair<int, uint64_t> known[] = {{75, 65536},   {80, 166912},  {86, 101376},  {89, 101376}, {90, 232448},
                                            {100, 232448}, {110, 232448}, {120, 101376}, {121, 101376}};
  std::set<int> seen;
  for (const auto& path : machine_files())
    for (const Gpu& gpu : load(path).gpus)
      for (const auto& [arch, bytes] : known)
        if (gpu.arch.number == arch) {
          EXPECT_EQ(gpu.shared_memory, bytes) << path;
          seen.insert(arch);
        }
  EXPECT_EQ(seen.size(), std::size(known));
}

TEST(MachineJson, ReadsWhatIsWritten) {
  const Machine h200 = load(std::string(folder) + "/h200.json");
  ASSERT_EQ(h200.gpus.size(), 1u);
  const Gpu& gpu = h200.gpus[0];
  EXPECT_EQ(gpu.arch, Arch{90});
  EXPECT_EQ(gpu.driver, 13000);
  EXPECT_EQ(gpu.bandwidth, 4.8e12);
  EXPECT_EQ(gpu.tensor_flops, 989.5e12);
  EXPECT_EQ(gpu.free_memory, gpu.memory);
  EXPECT_NEAR(static_cast<double>(gpu.memory), 139.81 * 1073741824, 1);
  EXPECT_TRUE(h200.cpu.features.has(CpuFeature::amx_bf16));
  EXPECT_EQ(h200.memory, uint64_t{1} << 40);
  EXPECT_TRUE(h200.no_gpu_reason.empty());
  EXPECT_EQ(h200.free_memory(), h200.memory) << "a machine file without free_memory_gib stands idle";
  for (const char* arm : {"gb10", "thor"})
    EXPECT_EQ(load(fmt::format("{}/{}.json", folder, arm)).cpu.isa, Isa::aarch64) << arm;
  EXPECT_EQ(load(std::string(folder) + "/rtx_5090.json").gpus[0].arch, Arch{120});
  const Machine old = load(std::string(folder) + "/x86_64_v1.json");
  EXPECT_TRUE(old.cpu.features.empty());
  EXPECT_EQ(old.no_gpu_reason, "no NVIDIA GPU in this machine");
}

TEST(MachineJson, OptionalFieldsComeBackToo) {
  Json json = small_machine();
  json["source"] = "made up";
  json["gpus"][0]["free_memory_gib"] = 7.25;
  json["gpus"].push_back(json["gpus"][0]);
  json["gpus"][1].erase("driver");
  json["cpu"]["bandwidth_measured"] = true;
  json["cpu"]["bandwidth_threads"] = 1, json["cpu"]["bandwidth_spread"] = 0.125;
  json["cpu"]["bandwidth_load"] = 400.5;
  json["free_memory_gib"] = 1.5;
  json["gpus"][1]["bandwidth_assumed"] = true;
  const auto machine = machine_from_json(json.dump(), "m.json");
  ASSERT_TRUE(machine.ok()) << machine.error().message;
  EXPECT_EQ(machine->gpus[0].free_memory, uint64_t{7424} << 20);
  EXPECT_EQ(machine->gpus[1].driver, 0);
  EXPECT_TRUE(machine->cpu.bandwidth_measured);
  EXPECT_EQ(machine->cpu.bandwidth_threads, 1);
  EXPECT_EQ(machine->cpu.bandwidth_spread, 0.125);
  EXPECT_EQ(machine->cpu.bandwidth_load, 400.5);
  EXPECT_EQ(machine->held_memory, uint64_t{2560} << 20);
  EXPECT_EQ(machine->free_memory(), uint64_t{1536} << 20);
  EXPECT_TRUE(machine->gpus[1].bandwidth_assumed);
  const auto again = machine_from_json(machine_to_json(*machine).dump(), "again");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *machine);
}

TEST(MachineJson, RatesThatNobodyRoundedComeBackEqual) {
  Json json = small_machine();
  for (double x : {1.0 / 3, 2.0 / 7 * 1000, 24.123456789, 0.0010001}) {
    json["cpu"]["bandwidth_gb_s"] = json["cpu"]["gflops"]["avx2"] = json["gpus"][0]["fp32_tflops"] = x;
    const auto machine = machine_from_json(json.dump(), "m.json");
    ASSERT_TRUE(machine.ok()) << machine.error().message;
    EXPECT_NEAR(machine->cpu.bandwidth, x * 1e9, 501);
    EXPECT_EQ(*machine_from_json(machine_to_json(*machine).dump(), "again"), *machine) << x;
  }
}

TEST(MachineJson, WhatIsLeftOutIsAssumed) {
  Json json = small_machine();
  json["cpu"].erase("gflops");
  json["cpu"].erase("bandwidth_gb_s");
  json.erase("gpus");
  const auto machine = machine_from_json(json.dump(), "m.json");
  ASSERT_TRUE(machine.ok()) << machine.error().message;
  EXPECT_EQ(machine->cpu.bandwidth, 20e9);
  EXPECT_EQ(machine->cpu.flops[static_cast<int>(Unit::avx2)], 2 * 2.5e9 * 32);
  EXPECT_EQ(machine->no_gpu_reason, "the machine file lists no GPU");
}

TEST(MachineJson, ErrorsSayWhereAndWhat) {
  const auto with = [](const char* pointer, Json value) {
    Json json = small_machine();
    json[Json::json_pointer(pointer)] = std::move(value);
    return error_of(json);
  };
  const auto without = [](const char* object, const char* key) {
    Json json = small_machine();
    json[Json::json_pointer(object)].erase(key);
    return error_of(json);
  };
  EXPECT_EQ(error_of(small_machine()), "");
  EXPECT_EQ(machine_from_json("{\"name\":", "m.json").error().message,
            "m.json: not valid JSON at byte 9: it ends too early");
  EXPECT_EQ(machine_from_json("[]", "m.json").error().message, "m.json: must be an object");
  EXPECT_EQ(with("/memory", 1),
            "m.json: unknown field \"memory\"; the fields are name, source, memory_gib, free_memory_gib, cpu, gpus, "
            "no_gpu_reason, links, visible_gpus");
  EXPECT_EQ(with("/free_memory_gib", 5), "m.json: free_memory_gib: more is free than memory_gib has");
  EXPECT_EQ(with("/free_memory_gib", 0), "") << "other programs may hold all of it";
  EXPECT_EQ(with("/gpus/0/free_memory_gib", 0), "");
  EXPECT_EQ(with("/cpu/isa", "riscv"), "m.json: cpu.isa: \"riscv\" is not known; write x86-64 or aarch64");
  EXPECT_EQ(with("/cpu/isa", "aarch64"),
            "m.json: cpu.features: avx2+fma+f16c are features of x86-64, and isa is aarch64");
  EXPECT_EQ(with("/cpu/core", 1).substr(0, 34), "m.json: cpu: unknown field \"core\";");
  EXPECT_EQ(with("/cpu/gflops/tensor_cores", 1).substr(0, 49), "m.json: cpu.gflops: unknown field \"tensor_cores\";");
  EXPECT_EQ(with("/gpus/0/cores", 1).substr(0, 39), "m.json: gpus[0]: unknown field \"cores\";");
  EXPECT_EQ(with("/cpu/features/0", "avx3"),
            "m.json: cpu.features: \"avx3\" is not a feature; the features are "
            "avx2+fma+f16c+avx512+avx512_bf16+avx512_vnni+avx_vnni+amx_tile+amx_bf16+amx_int8");
  EXPECT_EQ(with("/cpu/features", Json::array({"avx2", "fma", "avx512_bf16"})),
            "m.json: cpu.features: avx512_bf16 needs avx512");
  EXPECT_EQ(with("/cpu/gflops/amx", 1),
            "m.json: cpu.gflops.amx: this CPU has no such unit; it needs the feature amx_tile+amx_bf16");
  EXPECT_EQ(without("/cpu/gflops", "avx2"), "m.json: cpu.gflops: \"avx2\" is missing");
  EXPECT_EQ(without("/cpu", "features"), "m.json: cpu: \"features\" is missing");
  EXPECT_EQ(without("", "cpu"), "m.json: \"cpu\" is missing");
  EXPECT_EQ(without("/gpus/0", "shared_memory_per_block"), "m.json: gpus[0]: \"shared_memory_per_block\" is missing");
  EXPECT_EQ(with("/memory_gib", "4"), "m.json: memory_gib: must be a number");
  EXPECT_EQ(with("/memory_gib", -1), "m.json: memory_gib: -1 is out of range; 0.0009765625 to 1048576 is possible");
  EXPECT_EQ(with("/cpu/cores", 0), "m.json: cpu.cores: 0 is out of range; 1 to 4096 is possible");
  EXPECT_EQ(with("/cpu/cores", 1.5), "m.json: cpu.cores: 1.5 is not a whole number");
  EXPECT_EQ(with("/cpu/bandwidth_measured", "no"), "m.json: cpu.bandwidth_measured: must be true or false");
  EXPECT_EQ(with("/name", ""), "m.json: name: must not be empty");
  EXPECT_EQ(with("/name", "\x1b[31mred"), "m.json: name: \"\\x1b[31mred\" has control characters; leave them out");
  EXPECT_EQ(with("/cpu/name", "two\nlines"),
            "m.json: cpu.name: \"two\\x0alines\" has control characters; leave them out");
  EXPECT_EQ(with("/gpus/0/name",
                 "\xc2\x9b"
                 "2J"),
            "m.json: gpus[0].name: \"\\xc2\\x9b2J\" has control characters; leave them out");
  EXPECT_EQ(with("/name", "컴퓨터 ®"), "") << "other letters are none";
  EXPECT_EQ(with("/cpu", Json::array()), "m.json: cpu: must be an object");
  EXPECT_EQ(with("/gpus", 3), "m.json: gpus: must be an array");
  EXPECT_EQ(with("/gpus/0/compute_capability", "sm_90"),
            "m.json: gpus[0].compute_capability: \"sm_90\" is not of the form \"9.0\"");
  EXPECT_EQ(with("/gpus/0/compute_capability", 9.0), "m.json: gpus[0].compute_capability: must be a string");
  EXPECT_EQ(with("/gpus/0/driver", "570"), "m.json: gpus[0].driver: \"570\" is not a CUDA version like \"12.8\"");
  EXPECT_EQ(with("/gpus/0/free_memory_gib", 9), "m.json: gpus[0].free_memory_gib: more is free than memory_gib has");
  EXPECT_EQ(with("/no_gpu_reason", "none"), "m.json: no_gpu_reason beside a GPU; remove one of them");
}

TEST(MachineJson, TheFirstErrorCounts) {
  Json json = small_machine();
  json["name"] = 7;
  json["cpu"]["cores"] = -1;
  json["gpus"] = Json::array({nullptr});
  EXPECT_EQ(error_of(json), "m.json: name: must be a string");
}

TEST(MachineJson, KeepsLinksAndNamesOfGpus) {
  Json json = small_machine();
  json["gpus"].push_back(json["gpus"][0]);
  json["gpus"][1]["uuid"] = "MIG-1";
  json["visible_gpus"] = "3,2";
  json["links"] = {{{"a", "cuda:0"},
                    {"b", "cuda:1"},
                    {"bandwidth_gb_s", 50.5},
                    {"latency_us", 7.25},
                    {"peer", true},
                    {"measured", true}},
                   {{"a", "cpu"}, {"b", "cuda:1"}, {"bandwidth_gb_s", 6}, {"latency_us", 0}}};
  const auto machine = machine_from_json(json.dump(), "m.json");
  ASSERT_TRUE(machine.ok()) << machine.error().message;
  EXPECT_EQ(machine->gpus[1].uuid, "MIG-1");
  const auto again = machine_from_json(machine_to_json(*machine).dump(), "again");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, *machine);
  const Link between = link_between(*machine, cuda_device(1), cuda_device(0));
  EXPECT_TRUE(between.peer && between.measured && !between.nvlink);
  EXPECT_DOUBLE_EQ(copy_seconds(between, 50.5e9), 1 + 7.25e-6);
  EXPECT_DOUBLE_EQ(link_between(*machine, cpu_device, cuda_device(1)).bandwidth, 6e9);
  EXPECT_EQ(link_between(*machine, cpu_device, cuda_device(0)), assumed_link(cpu_device, cuda_device(0)));
  const auto wrong = [&](const char* key, Json value) {
    Json bad = json;
    bad["links"][0][key] = std::move(value);
    return machine_from_json(bad.dump(), "m.json").error().message;
  };
  EXPECT_EQ(wrong("b", "cuda:2"),
            "m.json: links[0].b: \"cuda:2\" is neither cpu nor one of the machine's GPUs, such as cuda:0");
  EXPECT_EQ(wrong("b", "cuda:0"), "m.json: links[0]: a link has two different ends");
  EXPECT_NE(wrong("bandwidth_gb_s", 0).find("out of range"), std::string::npos);
}

}  // namespace
}  // namespace mxpath
