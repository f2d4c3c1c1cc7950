// The kinds of failure that a log can show: the rows of data/diagnose/failure_classes.json.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "diagnose/language.h"
#include "diagnose/table.h"

namespace mxpath::diagnose {

enum class FailureClass : uint8_t {
  // the kernel path
  layout_hopper_only,
  ptxas_feature_not_on_target,
  ptxas_arch_unknown,
  shared_memory_exceeded,
  arch_no_kernel_image,
  toolchain_driver_mismatch,
  arch_capability_gate,
  attention_sink_backend_missing,
  dtype_unsupported_on_arch,
  dtype_mismatch_in_kernel,
  missing_triton_kernels_package,
  kernel_hub_download_failed,
  version_mismatch,
  oom_after_dequantize,
  lora_or_training_on_mxfp4_unsupported,
  cpu_or_offload_unsupported,
  amd_backend_unsupported,
  kernel_shape_constraint,
  kernel_runtime_bug,
  wrong_output_kernel,
  silent_fallback,
  unknown_kernel_compile_error,
  framework_bug,
  // not the kernel path
  harmony_vocab_or_template,
  oom_other,
  framework_too_old,
  checkpoint_format,
  unsupported_config_flag,
  wrong_device_selected,
  install_broken,
  build_tool_missing,
  disk_or_network,
  not_a_kernel_problem,
  // the verdict of its own
  cannot_tell,
};
inline constexpr int failure_class_count = static_cast<int>(FailureClass::cannot_tell) + 1;

std::string_view name_of(FailureClass id);

/// One class: what is said about it when a signature does not say it better.
struct ClassRow {
  FailureClass id = FailureClass::cannot_tell;
  bool kernel_path = false;  ///< false: the log may be full of triton and CUDA words, the cause is elsewhere
  Phrase summary;            ///< the finding, one sentence
  Phrase why;                ///< what decided it: layout, kernel, capability, package
  Phrase next;               ///< what is likely to fail once this is fixed; may be empty
};

/// Errors as read_table; a class without a row, or with two.
Result<Table<ClassRow>> classes_from_json(std::string_view json, std::string_view file);

/// The rows by class, read once.
std::span<const ClassRow> classes();
const ClassRow& row_of(FailureClass id);

}  // namespace mxpath::diagnose
