#include "diagnose/stack_rules.h"

#include <algorithm>
#include <iterator>

#include "diagnose/table_reader.h"

namespace mxpath::diagnose {
namespace {

constexpr std::string_view stacks[] = {"transformers", "unsloth",          "vllm",      "sglang", "tensorrt-llm",
                                       "gpt-oss",      "llama-cpp-python", "llama.cpp", "ollama"};
constexpr Phrase outside = {"not known: no rule was read for this version on this machine",
                            "알 수 없음: 이 버전과 이 컴퓨터에 대한 규칙이 없습니다"};

/// What the rules ask for and the environment lacks counts as absent.
Versions completed(const Versions& versions) {
  Versions all = versions;
  for (const char* package : {"torch", "triton", "triton-kernels", "kernels", "transformers", "accelerate",
                              "flashinfer", "bitsandbytes", "unsloth-zoo"})
    all.try_emplace(package, "absent");
  return all;
}

bool machine_matches(const StackRule& rule, const Machine& machine) {
  const bool cpu_only = machine.gpus.empty();
  if (rule.on_cpu != cpu_only) return false;
  if (cpu_only) return machine.cpu.features.contains(rule.cpu);
  const Gpu& gpu = machine.gpus.front();
  if (!rule.caps.empty() && !rule.caps.contains(gpu.arch.number)) return false;
  return rule.driver_below == 0 || (gpu.driver != 0 && gpu.driver < rule.driver_below);
}

uint64_t memory_of(const StackRule& rule, const ModelBytes& model) {
  return rule.held == Held::mxfp4 ? model.mxfp4 : rule.held == Held::bf16 ? model.bf16 : 0;
}

uint64_t available(const Machine& machine) {
  if (machine.gpus.empty()) return machine.free_memory();
  uint64_t sum = 0;
  for (const Gpu& gpu : machine.gpus) sum += gpu.free_memory;
  return sum;
}

StackRule rule_from(RowReader& row) {
  StackRule rule;
  row.require({"stack", "versions", "path", "source"});
  rule.stack = row.text("stack");
  if (std::find(std::begin(stacks), std::end(stacks), rule.stack) == std::end(stacks))
    row.complain("stack", "it is not in known_stacks()");
  rule.versions = row.text("versions");
  rule.caps = row.capabilities("caps");
  rule.on_cpu = row.truth("on_cpu");
  rule.cpu = row.set_of<CpuFeatures, CpuFeature>("cpu", cpu_feature_count);
  rule.driver_below = row.number("driver_below", 1000, 99999, 0);
  rule.outcome = row.one_of("outcome", outcome_count, Outcome::works);
  rule.held = row.one_of("held", held_count, Held::mxfp4);
  rule.path = row.phrase("path");
  rule.error = row.text("error");
  rule.change = row.phrase("change");
  rule.source = row.text("source");
  return rule;
}

const std::vector<Table<StackRule>>& rule_tables() {
  static const std::vector<Table<StackRule>> tables = built_in_all(stack_rules_from_json, "stack_rules_");
  return tables;
}

}  // namespace

std::string_view name_of(Held held) {
  constexpr std::string_view names[] = {"nothing", "mxfp4", "bf16"};
  static_assert(std::size(names) == held_count);
  return names[static_cast<size_t>(held)];
}

std::string_view name_of(Outcome outcome) {
  constexpr std::string_view names[] = {"works", "fails", "silent_bf16", "not_known"};
  static_assert(std::size(names) == outcome_count);
  return names[static_cast<size_t>(outcome)];
}

Result<Table<StackRule>> stack_rules_from_json(std::string_view json, std::string_view file) {
  return read_table(json, file, rule_from);
}

std::span<const std::string_view> known_stacks() { return stacks; }

ModelBytes model_bytes(const ModelConfig& c) {
  const uint64_t hidden = static_cast<uint64_t>(c.hidden), layers = static_cast<uint64_t>(c.layers);
  const uint64_t experts =
      layers * static_cast<uint64_t>(c.experts) * 3 * hidden * static_cast<uint64_t>(c.intermediate);
  const uint64_t attention = layers * hidden * static_cast<uint64_t>(2 * c.q_width() + 2 * c.kv_width());
  const uint64_t router = layers * hidden * static_cast<uint64_t>(c.experts);
  const uint64_t embedding = hidden * static_cast<uint64_t>(c.vocab) * (c.tied_embeddings ? 1 : 2);
  const uint64_t rest = 2 * (attention + router + embedding);
  return {experts / 32 * 17 + rest, 2 * experts + rest};
}

ModelBytes default_model_bytes() {
  ModelConfig c;
  c.layers = 24;
  c.experts = 32;
  c.hidden = 2880;
  c.intermediate = 2880;
  c.heads = 64;
  c.kv_heads = 8;
  c.head_dim = 64;
  c.vocab = 201088;
  return model_bytes(c);
}

Prediction predict(std::string_view stack, const Versions& versions, const Machine& machine, const ModelBytes& model,
                   Language language) {
  Prediction prediction;
  prediction.stack = std::string(stack);
  const auto own = versions.find(std::string(stack));
  prediction.version = own == versions.end() ? "unknown" : own->second;
  Versions all = completed(versions);
  if (own != versions.end()) all.try_emplace(canonical_package(stack), own->second);  // "llama.cpp" is no package name
  for (const Table<StackRule>& table : rule_tables())
    for (const StackRule& rule : table.rows) {
      if (rule.stack != stack || !machine_matches(rule, machine)) continue;
      if (prediction.version == "unknown" || holds(rule.versions, all) != std::optional<bool>(true)) continue;
      prediction.outcome = rule.outcome;
      prediction.path = std::string(rule.path.text(language));
      prediction.error = std::string(rule.error);
      prediction.change = std::string(rule.change.text(language));
      prediction.source = std::string(rule.source);
      prediction.memory = memory_of(rule, model);
      prediction.fits = prediction.memory == 0 || available(machine) == 0 || prediction.memory <= available(machine);
      return prediction;
    }
  prediction.path = std::string(outside.text(language));
  return prediction;
}

}  // namespace mxpath::diagnose
