#include "diagnose/log_facts.h"

#include <algorithm>
#include <string>

#include "diagnose/pattern.h"
#include "diagnose/table_reader.h"

namespace mxpath::diagnose {
namespace {

NamedGpu gpu_from(RowReader& row) {
  NamedGpu gpu;
  row.require({"name", "capability"});
  gpu.name = row.text("name");
  row.unique("name", gpu.name);
  gpu.capability = row.number("capability", 10, 999, 0);
  return gpu;
}

const std::vector<NamedGpu>& named_gpus() {
  static const Table<NamedGpu> table = built_in(named_gpus_from_json, "named_gpus");
  return table.rows;
}

const Pattern& capability_pattern() {
  static const Pattern pattern =
      Pattern::compile(
          "(?:capability|compute_cap)(?: is| of)?[:= ]{0,3}\\(?(\\d{1,2})[.,] "
          "?(\\d)\\b|(?:capability|\\.target|Value|on target|arch) "
          "\\.?sm_(\\d{2,3})[af]?\\b|Current capability: (\\d{2,3})\\b|"
          "(?:unsupported on|current GPU|not supported on|for|Compute capability:) \\.?SM_?(\\d{2,3})\\b|CUDA arch "
          "(\\d{3,4})\\b|gpu-name[= ]sm_(\\d{2,3})|Compute capability: (\\d{2,3})\\b")
          .value();
  return pattern;
}

const Pattern& version_pattern() {
  static const Pattern pattern =
      Pattern::compile(
          "\\b(torch|pytorch.triton|triton.kernels|triton|kernels|transformers|accelerate|vllm|sglang|"
          "flashinfer(?:.python)?|unsloth(?:.zoo)?|bitsandbytes|tensorrt.llm|ollama|peft)"
          "(?: API server| is| release)?(?: version)?\\W{0,4}v?(\\d{1,4}\\.\\d+(?:\\.\\d+)?[\\w.+]*)")
          .value();
  return pattern;
}

void add(std::vector<int>& list, int capability) {
  if (capability >= 50 && capability <= 130 && std::find(list.begin(), list.end(), capability) == list.end())
    list.push_back(capability);
}

int number(const std::string& text) { return text.empty() ? 0 : std::stoi(text.substr(0, 4)); }

}  // namespace

Result<Table<NamedGpu>> named_gpus_from_json(std::string_view json, std::string_view file) {
  return read_table(json, file, gpu_from);
}

std::vector<std::string> fact_phrases() {
  std::vector<std::string> phrases = {"capability",  "compute_cap", ".target", "gpu-name", "unsupported on SM",
                                      "current GPU", "CUDA arch",   "version", "=="};
  for (const NamedGpu& gpu : named_gpus()) phrases.emplace_back(gpu.name);
  return phrases;
}

void read_facts(std::string_view line, ScanResult& result) {
  line = line.substr(0, 2000);
  PatternMatch match;
  std::string_view rest = line;
  for (int i = 0; i < 4 && capability_pattern().find(rest, match); ++i, rest.remove_prefix(match.end)) {
    match.groups.resize(8);
    const auto& g = match.groups;
    if (!g[0].empty()) add(result.capabilities, number(g[0]) * 10 + number(g[1]));
    for (int k : {2, 3, 4, 6, 7}) add(result.capabilities, number(g[static_cast<size_t>(k)]));
    if (!g[5].empty()) add(result.capabilities, number(g[5]) / 10);
  }
  rest = line;
  for (int i = 0; i < 8 && version_pattern().find(rest, match); ++i, rest.remove_prefix(match.end))
    if (match.groups.size() >= 2) result.versions.try_emplace(canonical_package(match.groups[0]), match.groups[1]);
  for (const NamedGpu& gpu : named_gpus())
    if (line.find(gpu.name) != std::string_view::npos) {
      add(result.named_capabilities, gpu.capability);
      break;
    }
}

}  // namespace mxpath::diagnose
