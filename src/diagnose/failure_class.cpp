#include "diagnose/failure_class.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "diagnose/table_reader.h"

namespace mxpath::diagnose {
namespace {

constexpr std::string_view names[] = {"layout_hopper_only",
                                      "ptxas_feature_not_on_target",
                                      "ptxas_arch_unknown",
                                      "shared_memory_exceeded",
                                      "arch_no_kernel_image",
                                      "toolchain_driver_mismatch",
                                      "arch_capability_gate",
                                      "attention_sink_backend_missing",
                                      "dtype_unsupported_on_arch",
                                      "dtype_mismatch_in_kernel",
                                      "missing_triton_kernels_package",
                                      "kernel_hub_download_failed",
                                      "version_mismatch",
                                      "oom_after_dequantize",
                                      "lora_or_training_on_mxfp4_unsupported",
                                      "cpu_or_offload_unsupported",
                                      "amd_backend_unsupported",
                                      "kernel_shape_constraint",
                                      "kernel_runtime_bug",
                                      "wrong_output_kernel",
                                      "silent_fallback",
                                      "unknown_kernel_compile_error",
                                      "framework_bug",
                                      "harmony_vocab_or_template",
                                      "oom_other",
                                      "framework_too_old",
                                      "checkpoint_format",
                                      "unsupported_config_flag",
                                      "wrong_device_selected",
                                      "install_broken",
                                      "build_tool_missing",
                                      "disk_or_network",
                                      "not_a_kernel_problem",
                                      "cannot_tell"};
static_assert(std::size(names) == failure_class_count);

ClassRow class_from(RowReader& row) {
  ClassRow cls;
  row.require({"class", "kernel_path", "summary", "why"});
  cls.id = row.one_of("class", failure_class_count, FailureClass::cannot_tell);
  row.unique("class", name_of(cls.id));
  cls.kernel_path = row.truth("kernel_path");
  cls.summary = row.phrase("summary");
  cls.why = row.phrase("why");
  cls.next = row.phrase("next");
  return cls;
}

}  // namespace

std::string_view name_of(FailureClass id) { return names[static_cast<size_t>(id)]; }

Result<Table<ClassRow>> classes_from_json(std::string_view json, std::string_view file) {
  MXPATH_TRY(auto table, read_table(json, file, class_from));
  if (table.rows.size() != failure_class_count)
    return fail("data/diagnose/{}.json: {} classes of {} have a row", file, table.rows.size(), failure_class_count);
  std::sort(table.rows.begin(), table.rows.end(), [](const ClassRow& a, const ClassRow& b) { return a.id < b.id; });
  return table;
}

std::span<const ClassRow> classes() {
  static const Table<ClassRow> table = built_in(classes_from_json, "failure_classes");
  return table.rows;
}

const ClassRow& row_of(FailureClass id) {
  static const ClassRow unread;
  const size_t index = static_cast<size_t>(id);
  return index < classes().size() ? classes()[index] : unread;
}

}  // namespace mxpath::diagnose
