// What can speak against a path, as a table: the name of each check, the sentence about a path that fails it, and what
// it means.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace mxpath {

/// In the order of how fundamental a reason is; the first is shown when only one can be.
enum class Check : uint8_t {
  not_built,
  known_issue,
  cpu_feature,
  no_gpu,
  cuda_arch,
  driver,
  device_failed,
  no_image,
  shared_memory,
  layout,
  arithmetic,
  determinism,
  tokens,
  n_multiple,
  k_multiple,
  device,
  excluded,
  memory_budget,
  self_check
};
inline constexpr int check_count = static_cast<int>(Check::self_check) + 1;

struct CheckRow {
  Check check;
  std::string_view name;
  std::string_view sentence;  ///< about a refused path; {wants} and {have} stand for what the refusal says
  std::string_view meaning;   ///< for docs/paths.md; {numerics}, {exclude}, {only} and {deterministic} are knobs
};
const CheckRow& row_of(Check check);
std::string_view name_of(Check check);

/// The row's sentence: "needs k % 128 == 0; here k = 2880, remainder 64".
std::string sentence_of(Check check, std::string_view wants, std::string_view have);
/// The row's meaning, with marks of the knobs in it (base/hint.h).
std::string meaning_of(Check check);

}  // namespace mxpath
