// Reads what make_goldens.py wrote: transformers' FP32 log-probabilities of small random checkpoints.
#pragma once
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "checkpoint/safetensors.h"
#include "machine/machine.h"

namespace mxpath::test {

struct GoldenPrompt {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;     // [tokens, V] of the FP32 forward
  double bf16_mean_abs_delta = 0;  // mean |log-prob difference| of a BF16 forward of the same model
  std::vector<int32_t> greedy;     // FP32 continuation
  std::vector<double> gaps;        // between the two most likely tokens at each step
};

struct Golden {
  std::string name, folder;
  std::vector<GoldenPrompt> prompts;
};

/// This computer without its GPU: tests of the CPU's paths mean those also where there is one.
inline const Machine& cpu_of_this_machine() {
  static const Machine here = [] {
    Machine machine = probe_machine();
    if (!machine.gpus.empty()) machine.gpus.clear(), machine.no_gpu_reason = "left out by the test";
    return machine;
  }();
  return here;
}

inline std::string golden_root() { return MXPATH_SOURCE_DIR "/tests/data/end_to_end"; }

inline std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_root()))
    if (std::filesystem::exists(entry.path() / "golden.json")) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

inline Golden read_golden(const std::string& name) {
  Golden golden{name, (std::filesystem::path(golden_root()) / name).string(), {}};
  const Json json = parse_json(read_text_file(golden.folder + "/golden.json").value(), name).value();
  const MappedFile file = MappedFile::open(golden.folder + "/golden.safetensors").value();
  const SafetensorsHeader header = parse_safetensors(file.bytes(), file.bytes().size(), name).value();
  for (const Json& prompt : json["prompts"]) {
    GoldenPrompt p{
        prompt["tokens"], {}, prompt["bf16_mean_abs_delta"], prompt["greedy"]["tokens"], prompt["greedy"]["gaps"]};
    const auto entry =
        std::ranges::find(header.entries, prompt["logprobs_key"].get<std::string>(), &SafetensorsEntry::name);
    const float* values = reinterpret_cast<const float*>(file.bytes().data() + entry->begin);
    p.logprobs.assign(values, values + (entry->end - entry->begin) / 4);
    golden.prompts.push_back(std::move(p));
  }
  return golden;
}

}  // namespace mxpath::test
