// How other stacks choose their MXFP4 path: the rows of data/diagnose/stack_rules_*.json, with their sources.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "checkpoint/config.h"
#include "diagnose/conditions.h"
#include "diagnose/language.h"
#include "diagnose/table.h"
#include "diagnose/version.h"
#include "machine/machine.h"

namespace mxpath::diagnose {

enum class Outcome : uint8_t { works, fails, silent_bf16, not_known };
inline constexpr int outcome_count = static_cast<int>(Outcome::not_known) + 1;
std::string_view name_of(Outcome outcome);

/// How much of the model is held: packed MXFP4, expanded to bf16, or nothing because it does not start.
enum class Held : uint8_t { nothing, mxfp4, bf16 };
inline constexpr int held_count = static_cast<int>(Held::bf16) + 1;
std::string_view name_of(Held held);

/// One row: for these versions on these machines, this happens. Rows of a stack are tried in order, the first that
/// holds is the answer.
struct StackRule {
  std::string_view stack;     ///< canonical package name, or ollama, llama.cpp
  std::string_view versions;  ///< the range the source was read for, and the packages that decide
  Capabilities caps;          ///< GPUs; empty: any, and see on_cpu
  bool on_cpu = false;        ///< the machine has no usable GPU
  CpuFeatures cpu;            ///< with on_cpu: all are needed
  int driver_below = 0;       ///< only with an older driver API; 0: any
  Outcome outcome = Outcome::works;
  Held held = Held::mxfp4;
  Phrase path;              ///< which kernel, layout and activation format
  std::string_view error;   ///< what it prints when it fails or falls back
  Phrase change;            ///< the smallest change that mends it
  std::string_view source;  ///< where this was read
};

/// Errors as read_table; a stack that known_stacks() has not.
Result<Table<StackRule>> stack_rules_from_json(std::string_view json, std::string_view file);

/// The stacks that have rules, in the order of a report.
std::span<const std::string_view> known_stacks();

/// Bytes of the weights alone.
struct ModelBytes {
  uint64_t mxfp4 = 0, bf16 = 0;
};
/// Computed from the dimensions: experts at 4.25 bits (or 16), everything else at 16.
ModelBytes model_bytes(const ModelConfig& config);
/// gpt-oss-20b.
ModelBytes default_model_bytes();

struct Prediction {
  std::string stack, version;
  Outcome outcome = Outcome::not_known;
  std::string path, error, change, source;
  uint64_t memory = 0;  ///< bytes for the weights; 0: it does not get that far, or not known
  bool fits = true;     ///< memory against the device that would hold it
};

/// Pure. `versions` holds what is installed; what it lacks counts as absent. not_known outside the ranges of the table.
Prediction predict(std::string_view stack, const Versions& versions, const Machine& machine, const ModelBytes& model,
                   Language language);

}  // namespace mxpath::diagnose
