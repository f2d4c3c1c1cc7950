#include "machine/known_machines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/mapped_file.h"

namespace mxpath {
namespace {

const std::filesystem::path folder = MXPATH_SOURCE_DIR "/tests/machines";

Machine machine_of(const KnownMachine& known) { return known_machine(known.name).value(); }

TEST(KnownMachines, AreTheFilesOfTheFolder) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.insert(entry.path().stem());
  std::set<std::string> built_in;
  for (const KnownMachine& machine : known_machines()) {
    EXPECT_TRUE(built_in.insert(std::string(machine.name)).second);
    EXPECT_EQ(machine.json, read_text_file((folder / machine.name).string() + ".json").value()) << machine.name;
    const auto parsed = known_machine(machine.name);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  }
  EXPECT_EQ(built_in, files);
}

TEST(KnownMachines, CoverEveryGenerationThatTheModelsAreRunOn) {
  std::set<int> capabilities;
  for (const KnownMachine& known : known_machines())
    for (const Machine machine = machine_of(known); const Gpu& gpu : machine.gpus) capabilities.insert(gpu.arch.number);
  EXPECT_EQ(capabilities, (std::set<int>{75, 80, 86, 89, 90, 100, 110, 120, 121}));
}

struct Typed {
  const char *typed, *gpu;
};

TEST(KnownMachines, ProductNamesResolve) {
  for (const auto& [typed, gpu] : {Typed{"RTX 3090", "NVIDIA GeForce RTX 3090"},
                                   {"NVIDIA GeForce RTX 3090", "NVIDIA GeForce RTX 3090"},
                                   {"3090", "NVIDIA GeForce RTX 3090"},
                                   {"A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB"},
                                   {"a100_80gb.json", "NVIDIA A100-SXM4-80GB"},
                                   {"NVIDIA A100-PCIE-40GB", "NVIDIA A100-SXM4-40GB"},
                                   {"h100 80gb hbm3", "NVIDIA H100 80GB HBM3"},
                                   {"GB10", "NVIDIA GB10"},
                                   {"DGX Spark", "NVIDIA GB10"},
                                   {"Jetson Thor", "NVIDIA Thor"},
                                   {"Tesla T4", "Tesla T4"},
                                   {"rtx pro 6000", "NVIDIA RTX PRO 6000 Blackwell Workstation Edition"},
                                   {"one B200 of a DGX B200 and its socket", "NVIDIA B200"}}) {
    const auto machine = known_machine(typed);
    ASSERT_TRUE(machine.ok()) << machine.error().message;
    EXPECT_EQ(machine->gpus.at(0).name, gpu) << typed;
  }
}

TEST(KnownMachines, CpusResolveByTheTellingPartOfTheirNames) {
  EXPECT_EQ(known_machine("Ryzen 9 7950X")->name, "Zen 4 desktop");
  EXPECT_EQ(known_machine("Xeon Platinum 8480+")->name, "Sapphire Rapids server, one socket");
  EXPECT_EQ(known_machine("Core(TM) i7-4790")->name, "Haswell desktop");
  EXPECT_FALSE(known_machine("Xeon").ok());  // several have one
}

TEST(KnownMachines, EveryGpuIsAProductOfItsCapability) {
  for (const KnownMachine& known : known_machines())
    for (const Machine machine = machine_of(known); const Gpu& gpu : machine.gpus)
      EXPECT_EQ(known_machine(gpu.name).value(), machine_of(known)) << gpu.name;
  for (const Product& product : products()) {
    const auto machine = known_machine(product.name);
    EXPECT_EQ(machine.ok(), !product.machine.empty()) << product.name;
    EXPECT_EQ(machine.ok() ? machine->gpus.at(0).arch.number : product.capability, product.capability) << product.name;
  }
}

TEST(KnownMachines, UnknownNamesAreRefusedWithTheListAndTheNearest) {
  const std::string message = known_machine("hasswell").error().message;
  EXPECT_EQ(message.substr(0, message.find(';')),
            "hasswell: neither a file nor a machine that mxpath knows (the nearest name is haswell)");
  for (const KnownMachine& machine : known_machines()) EXPECT_NE(message.find(machine.name), std::string::npos);
  EXPECT_NE(known_machine("RTX 5900").error().message.find("the nearest name is rtx_5090"), std::string::npos);
  EXPECT_EQ(known_machine("PDP-11/70 with core memory").error().message.find("nearest"), std::string::npos);
  for (const char* nothing : {"", " ", "NVIDIA GeForce", "/", ".json"})
    EXPECT_FALSE(known_machine(nothing).ok()) << nothing;
}

TEST(KnownMachines, AProductWithoutFiguresIsRefusedWithItsCapability) {
  EXPECT_EQ(known_machine("GeForce RTX 4080").error().message,
            "RTX 4080: compute capability 8.9, but mxpath has no figures of its bandwidth and memory; machines of the "
            "same capability are "
            "l4, l40s, rtx_4060, rtx_4090; or "
            "give the file that `mxpath doctor --bundle FILE` writes there");
  EXPECT_NE(known_machine("Jetson AGX Orin").error().message.find("compute capability 8.7"), std::string::npos);
  // They stand beside ARM cores: a computer with a Xeon does not stand for them.
  for (const char* arm : {"GB200", "NVIDIA T4G", "GH200"}) EXPECT_FALSE(known_machine(arm).ok()) << arm;
}

TEST(KnownMachines, SeveralOfAMachinesGpus) {
  for (const char* typed : {"4x rtx_3090", "4 x RTX 3090", "4× NVIDIA GeForce RTX 3090", "4Xrtx_3090.json"}) {
    const auto machine = known_machine(typed);
    ASSERT_TRUE(machine.ok()) << typed << ": " << machine.error().message;
    ASSERT_EQ(machine->gpus.size(), 4u) << typed;
    EXPECT_EQ(machine->gpus[3], known_machine("rtx_3090")->gpus[0]);
    EXPECT_EQ(machine->memory, known_machine("rtx_3090")->memory);
  }
  EXPECT_EQ(known_machine("2x zen3").error().message, "2x zen3: that machine has no GPU to have several of");
  for (const char* typed : {"0x h100", "65x h100", "9999x h100"})
    EXPECT_NE(known_machine(typed).error().message.find("a machine has between 1 and 64 GPUs"), std::string::npos)
        << typed;
  for (const char* typed : {"4x", "x h100", "4x ", "4x4x h100 and more", "4y h100"})
    EXPECT_FALSE(known_machine(typed).ok()) << typed;
}

}  // namespace
}  // namespace mxpath
