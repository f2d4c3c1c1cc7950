#include "diagnose/doctor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "base/mapped_file.h"

namespace mxpath::diagnose {
namespace {

namespace fs = std::filesystem;

/// A folder that is gone at the end of the test.
struct TemporaryFolder {
  fs::path path = fs::temp_directory_path() / ("mxpath_doctor_" + std::to_string(getpid()));
  TemporaryFolder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~TemporaryFolder() { fs::remove_all(path); }
};

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

void install(const fs::path& site, const std::string& name, const std::string& version) {
  write(site / (name + "-" + version + ".dist-info") / "METADATA",
        "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\nSummary: x\n\nVersion: 0 in the text\n");
}

Machine machine_of(const Json& row) {
  Machine machine;
  machine.name = "test";
  machine.memory = uint64_t{64} << 30;
  const std::string cpu = row.value("cpu", "avx2");
  machine.cpu.features = {CpuFeature::avx2};
  machine.cpu.bandwidth = 40e9;
  if (cpu != "avx2") machine.cpu.features.add(CpuFeature::avx512);
  if (cpu == "amx") machine.cpu.features.add(CpuFeature::amx_bf16);
  assume_cpu_flops(machine.cpu, 2.0);
  if (const int capability = row["gpu"].get<int>(); capability > 0) {
    Gpu gpu;
    gpu.name = "card";
    gpu.arch = {capability};
    gpu.driver = row.value("driver", 12080);
    gpu.memory = uint64_t{24} << 30;
    gpu.shared_memory = 101376;
    gpu.bandwidth = 900e9;
    gpu.cuda_flops = 30e12;
    gpu.tensor_flops = 120e12;
    gpu.free_memory = gpu.memory;
    machine.gpus.push_back(gpu);
  } else {
    machine.no_gpu_reason = "none in this test";
  }
  return machine;
}

TEST(Doctor, EveryFabricatedEnvironmentGivesTheExpectedPathWithItsSource) {
  const std::string text = read_text_file(MXPATH_SOURCE_DIR "/tests/data/diagnose/stacks.jsonl").value();
  int rows = 0;
  for (size_t at = 0; at < text.size(); ++rows) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const Json row = parse_json(std::string_view(text).substr(at, end - at), "stacks.jsonl").value();
    at = end + 1;
    TemporaryFolder folder;
    for (const auto& [name, version] : row["packages"].items()) install(folder.path, name, version.get<std::string>());
    Result<StackReport> report = probe_stacks(folder.path.string());
    ASSERT_TRUE(report.ok()) << report.error().message;
    const std::string stack = row["stack"];
    if (stack == "ollama" || stack == "llama.cpp") {  // programs, not packages
      report->programs.push_back({stack == "ollama" ? "ollama" : "llama-server", "/bin/x", row["packages"][stack]});
      report->packages.clear();
    }
    const std::vector<Prediction> list = predict_all(*report, machine_of(row), default_model_bytes(), Language::en);
    const auto found = std::find_if(list.begin(), list.end(), [&](const Prediction& p) { return p.stack == stack; });
    ASSERT_NE(found, list.end()) << row.dump();
    EXPECT_EQ(name_of(found->outcome), row["outcome"].get<std::string>()) << row.dump() << "\n"
                                                                          << found->path << found->error;
    EXPECT_NE(found->source.find(row["source"].get<std::string>()), std::string::npos) << row.dump() << "\n"
                                                                                       << found->source;
    EXPECT_NE(found->path.find(row.value("path", "")), std::string::npos) << row.dump() << "\n" << found->path;
    const bool mended = found->outcome == Outcome::fails || found->outcome == Outcome::silent_bf16;
    EXPECT_TRUE(!mended || !found->change.empty()) << row.dump();
    EXPECT_TRUE(found->outcome != Outcome::fails || !found->error.empty()) << row.dump();
    EXPECT_TRUE(found->outcome != Outcome::not_known || found->memory == 0) << row.dump();
  }
  EXPECT_GE(rows, 30);
}

TEST(Doctor, MemoryFollowsWhatIsHeld) {
  const ModelBytes model = default_model_bytes();
  EXPECT_NEAR(static_cast<double>(model.mxfp4), 13.8e9, 0.3e9);
  EXPECT_NEAR(static_cast<double>(model.bf16), 41.8e9, 0.3e9);
  const Machine machine = machine_of({{"gpu", 89}});
  const Prediction bf16 = predict(
      "transformers", {{"transformers", "5.2.0"}, {"torch", "2.9.0"}, {"accelerate", "1.1"}, {"triton", "3.5.0"}},
      machine, model, Language::en);
  EXPECT_EQ(bf16.memory, model.bf16);
  EXPECT_FALSE(bf16.fits);
}

TEST(Packages, DamagedAndOddEntriesAreTolerated) {
  TemporaryFolder folder;
  install(folder.path, "torch", "2.8.0+cu128");
  fs::create_directories(folder.path / "transformers-4.56.1.dist-info");  // no METADATA: the name tells
  write(folder.path / "kernels-0.9.0-py3.12.egg-info", "Name: kernels\r\nVersion: 0.9.0\r\n");
  write(folder.path / "accelerate.egg-info" / "PKG-INFO", "Name: accelerate\nVersion: 1.10.0\n");
  write(folder.path / "broken.dist-info" / "METADATA", std::string("\0\xff garbage", 11));
  install(folder.path, "vllm", "0.12.0");
  write(folder.path / "vllm-0.12.0.dist-info" / "direct_url.json",
        R"({"dir_info": {"editable": true}, "url": "file:///x"})");
  write(folder.path / "old.egg-link", "/somewhere\n");
  fs::create_directories(folder.path / "vllm" / "third_party" / "triton_kernels");
  install(folder.path, "flashinfer_python", "0.5.2");
  const StackReport report = probe_stacks(folder.path.string()).value();
  const Versions expected = {{"torch", "2.8.0+cu128"},       {"transformers", "4.56.1"}, {"kernels", "0.9.0"},
                             {"accelerate", "1.10.0"},       {"vllm", "0.12.0"},         {"triton-kernels", "0+vllm"},
                             {"flashinfer-python", "0.5.2"}, {"flashinfer", "0.5.2"}};
  EXPECT_EQ(report.packages, expected);
  EXPECT_EQ(report.remarks.size(), 4u);
  EXPECT_FALSE(probe_stacks((folder.path / "nothing").string()).ok());
}

TEST(Packages, WhatTheyAskOfEachOtherIsComparedWithWhatIsThere) {
  const char* metadata =
      "Name: vllm\nVersion: 0.16.0\nRequires-Dist: transformers<5,>=4.56.0\nRequires-Dist: "
      "torch==2.9.1\nRequires-Dist: tokenizers "
      "(>=0.21.1)\nRequires-Dist: triton>9; extra == \"all\"\nRequires-Dist: numpy\n\nRequires-Dist: kernels>99\n";
  const std::vector<Requirement> asked = requirements_in(metadata, "vllm", "0.16.0");
  ASSERT_EQ(asked.size(), 3u);  // no extras, nothing of the description, nothing that any version fulfils
  const Versions installed = {{"transformers", "5.2.0"},
                              {"torch", "2.9.1+cu128"},
                              {"tokenizers", "0.22.0"},
                              {"triton", "3.5"},
                              {"kernels", "0.9"}};
  const std::vector<Conflict> conflicts = conflicts_in(asked, installed);
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].requirement.clauses, "<5,>=4.56.0");
  EXPECT_EQ(conflicts[0].found, "5.2.0");
  EXPECT_FALSE(satisfies("5.0.3", "!=5.0.*"));
  EXPECT_TRUE(satisfies("5.10.0", "!=5.1.*,>=5"));
  EXPECT_TRUE(satisfies("1.4.2", "~=1.2"));
  EXPECT_FALSE(satisfies("2.0", "~=1.2"));

  TemporaryFolder folder;
  install(folder.path, "transformers", "5.2.0");
  write(folder.path / "vllm-0.16.0.dist-info" / "METADATA", metadata);
  Doctor doctor;
  doctor.machine = machine_of({{"gpu", 90}});
  doctor.stacks = probe_stacks(folder.path.string()).value();
  doctor.predictions = predict_all(doctor.stacks, doctor.machine, doctor.model, Language::en);
  const std::string text = to_text(doctor, Language::en);
  EXPECT_NE(text.find("vllm 0.16.0 asks for transformers<5,>=4.56.0, and 5.2.0 is installed"), std::string::npos)
      << text;
  EXPECT_NE(text.find("vllm 0.16.0: FAILS"), std::string::npos) << text;
  EXPECT_NE(to_text(doctor, Language::ko).find("transformers<5,>=4.56.0"), std::string::npos);
  EXPECT_EQ(to_json(doctor)["stacks"]["conflicts"].size(), 1u);
}

TEST(Packages, EnvironmentsAndProgramsAreFoundWithoutRunningThem) {
  TemporaryFolder folder;
  const fs::path site = folder.path / "venv" / "lib" / "python3.12" / "site-packages";
  install(site, "torch", "2.9.0");
  write(folder.path / "venv" / "bin" / "python", "");
  write(folder.path / "Cellar" / "ollama" / "0.12.3" / "bin" / "ollama", "");
  fs::create_directories(folder.path / "bin");
  fs::create_symlink(folder.path / "Cellar" / "ollama" / "0.12.3" / "bin" / "ollama", folder.path / "bin" / "ollama");
  const std::string venv = (folder.path / "venv").string();
  for (const Surroundings& s :
       {Surroundings{venv, "", "", "", {}}, Surroundings{"", venv, "", "", {}},
        Surroundings{"", "", "", venv + "/bin/python", {}}, Surroundings{"", "", "", "", {site.string()}}}) {
    const Result<StackReport> report = probe_environment(s);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report->packages.at("torch"), "2.9.0") << report->environment;
  }
  const StackReport programs =
      probe_environment({"", "", "/nowhere:" + (folder.path / "bin").string(), "", {}}).value();
  ASSERT_EQ(programs.programs.size(), 1u);
  EXPECT_EQ(programs.programs[0].version, "0.12.3");
  EXPECT_FALSE(probe_environment({"", "", "", "/nowhere/bin/python", {}}).ok());
  EXPECT_EQ(version_in_path("/opt/llama-b6123-bin-ubuntu/llama-server"), "b6123");
  EXPECT_EQ(version_in_path("/usr/bin/ollama"), "unknown");
}

TEST(Scrub, RemovesWhatIdentifies) {
  const Private known{"mira", "/home/mira", "lab-box"};
  const struct {
    const char* text;
    const char* clean;
  } cases[] = {{"/home/mira/models on lab-box", "~/models on <host>"},
               {"/Users/bob/x and C:\\Users\\Bob\\y", "~/x and ~\\y"},
               {"hf_abcdefGHIJKLmnop1234", "<secret>"},
               {"HF_TOKEN=hf_abcdefGHIJKLmnop1234", "HF_TOKEN=<secret>"},
               {"api_key: \"sk-proj-aaaaaaaaaaaaaaaa\"", "api_key: \"<secret>\""},
               {"Authorization: Bearer abc.def-123456", "Authorization: Bearer <secret>"},
               {"https://user:pw123@host.example/x", "https://<secret>@host.example/x"},
               {"mail a.b@example.org now", "mail <email> now"},
               {"at 10.1.22.3 and 127.0.0.1", "at <ip> and 127.0.0.1"},
               {"GPU-1a2b3c4d-aaaa-bbbb-cccc-123456789abc", "<id>"},
               {"user mira, admiral", "user <user>, admiral"},
               {"torch 2.8.0+cu128, driver 580.95.05", "torch 2.8.0+cu128, driver 580.95.05"},
               {"/root/.cache/hub", "~/.cache/hub"}};
  for (const auto& c : cases) {
    EXPECT_EQ(scrub(c.text, known), c.clean);
    EXPECT_EQ(scrub(scrub(c.text, known), known), c.clean);
  }
}

TEST(Bundle, IsScrubbedAndItsMachineLoads) {
  TemporaryFolder folder;
  Doctor doctor;
  doctor.machine = machine_of({{"gpu", 120}});
  doctor.machine.name = "lab-box of mira";
  doctor.machine.gpus.front().uuid = "GPU-12345678";
  doctor.machine.visible_gpus = "GPU-12345678";
  doctor.machine.cpu.name = "CPU";
  doctor.stacks.packages = {{"torch", "2.9.0"}};
  doctor.stacks.programs.push_back({"ollama", "/home/mira/bin/ollama", "0.12.3"});
  doctor.predictions = predict_all(doctor.stacks, doctor.machine, doctor.model, Language::en);
  const Private known{"mira", "/home/mira", "lab-box"};
  const std::string path = (folder.path / "out.json").string();
  ASSERT_TRUE(write_bundle(doctor, known, path).ok());
  EXPECT_FALSE(write_bundle(doctor, known, path).ok());  // never over an existing file
  const std::string text = read_text_file(path).value();
  EXPECT_EQ(text.find("mira"), std::string::npos);
  EXPECT_EQ(text.find("GPU-12345678"), std::string::npos);
  EXPECT_EQ(text.find("lab-box"), std::string::npos);
  const Result<Machine> machine = machine_from_json(parse_json(text, path)->at("machine").dump(), path);
  ASSERT_TRUE(machine.ok()) << machine.error().message;
  EXPECT_EQ(machine->gpus.at(0).arch.number, 120);
}

TEST(Report, NamesTheMachineAndTheOutcomeInBothLanguages) {
  Doctor doctor;
  doctor.machine = machine_of({{"gpu", 75}});
  doctor.stacks.environment = "--site-packages";
  doctor.stacks.packages = {{"vllm", "0.20.1"}, {"torch", "2.10.0"}};
  doctor.plan = {"one", "two", "three"};
  doctor.predictions = predict_all(doctor.stacks, doctor.machine, doctor.model, Language::en);
  const std::string english = to_text(doctor, Language::en);
  EXPECT_NE(english.find("sm_75 (7.5)"), std::string::npos) << english;
  EXPECT_NE(english.find("vllm 0.20.1: FAILS"), std::string::npos) << english;
  EXPECT_NE(english.find("three"), std::string::npos);
  doctor.predictions = predict_all(doctor.stacks, doctor.machine, doctor.model, Language::ko);
  EXPECT_NE(to_text(doctor, Language::ko).find("vllm 0.20.1: 실패함"), std::string::npos);
  doctor.machine.gpus.front().driver = 12080, doctor.machine.gpus.front().shared_memory = 65536;
  EXPECT_NE(to_text(doctor, Language::en).find("driver CUDA 12.8, 65536 bytes of shared memory per block"),
            std::string::npos);
  const std::string korean = to_text(doctor, Language::ko);
  EXPECT_NE(korean.find("드라이버 CUDA 12.8, 블록당 공유 메모리 65536바이트"), std::string::npos) << korean;
  EXPECT_EQ(korean.find("shared memory"), std::string::npos) << korean;
  EXPECT_EQ(to_json(doctor)["predictions"][0]["outcome"], "fails");
  EXPECT_FALSE(probe_system().built_for.empty());
}

}  // namespace
}  // namespace mxpath::diagnose
