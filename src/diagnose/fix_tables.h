// Ways out: the rows of data/diagnose/answers.json and fixes.json.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "diagnose/answer_shape.h"
#include "diagnose/conditions.h"
#include "diagnose/failure_class.h"
#include "diagnose/table.h"

namespace mxpath::diagnose {

/// What is to be done with a remedy's text. An action may have no text: its note says all.
enum class FixKind : uint8_t { command, flag, version, action };
inline constexpr int fix_kind_count = static_cast<int>(FixKind::action) + 1;
std::string_view name_of(FixKind kind);

/// A way out that the log's own lines name (a package, a version, a number, a flag, a file), or that belongs to one
/// signature. Answers come before the remedies of the class. Text of the log enters them only through a shape
/// (answer_shape.h).
struct AnswerRow {
  FixKind kind = FixKind::action;
  std::string_view text;  ///< what to type: {1} is the first group, {1/2} its share of the second, {1%2} its greatest
                          ///< divisor that is not above the second, {1h} half of it
  Phrase note;            ///< when and why, with the same braces
  std::vector<std::string_view> signatures;  ///< ids of the rows that it answers; empty: every finding
  std::string_view pattern;   ///< PCRE2 on the lines of the finding, quotes kept; empty: the signature alone decides
  std::vector<Shape> shapes;  ///< one for each group of the pattern
  Contexts stacks;            ///< only when the log shows one of these; empty: always
  Contexts none;              ///< not when the log shows one of these
  bool as_printed = false;    ///< such answers stand behind the others, in the order of the log
};
/// Read once; earlier rows win.
std::span<const AnswerRow> answer_rows();
/// Errors as read_table.
Result<Table<AnswerRow>> answers_from_json(std::string_view json, std::string_view file);

/// One remedy. Which are shown is decided by class and by the stack that the log shows.
struct FixRow {
  FailureClass cls = FailureClass::cannot_tell;
  Contexts stacks;  ///< shown when the log shows one of these; empty: always
  FixKind kind = FixKind::action;
  std::string_view text;  ///< what to type, the same in both languages
  Phrase note;            ///< when and why
  Capabilities caps;      ///< only for these GPUs, where the capability is known
};
/// Read once; best first within a class.
std::span<const FixRow> fix_rows();
/// Errors as read_table.
Result<Table<FixRow>> fixes_from_json(std::string_view json, std::string_view file);

}  // namespace mxpath::diagnose
