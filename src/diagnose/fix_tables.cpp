#include "diagnose/fix_tables.h"

#include <iterator>

#include "diagnose/table_reader.h"

namespace mxpath::diagnose {
namespace {

AnswerRow answer_from(RowReader& row) {
  AnswerRow answer;
  row.require({"kind", "note"});
  answer.kind = row.one_of("kind", fix_kind_count, FixKind::action);
  answer.text = row.text("text");
  if (answer.text.empty() && answer.kind != FixKind::action) row.complain("text", "only an action may do without");
  answer.note = row.phrase("note");
  answer.signatures = row.texts("signatures");
  answer.pattern = row.text("pattern");
  if (answer.pattern.empty() && answer.signatures.empty())
    row.complain("pattern", "without one, \"signatures\" must decide");
  answer.shapes = row.list_of<Shape>("shapes", shape_count);
  answer.stacks = row.set_of<Contexts, Context>("stacks", context_count);
  answer.none = row.set_of<Contexts, Context>("none", context_count);
  answer.as_printed = row.truth("as_printed");
  return answer;
}

FixRow fix_from(RowReader& row) {
  FixRow fix;
  row.require({"class", "kind", "note"});
  fix.cls = row.one_of("class", failure_class_count, FailureClass::cannot_tell);
  fix.stacks = row.set_of<Contexts, Context>("stacks", context_count);
  fix.kind = row.one_of("kind", fix_kind_count, FixKind::action);
  fix.text = row.text("text");
  if (fix.text.empty() && fix.kind != FixKind::action) row.complain("text", "only an action may do without");
  fix.note = row.phrase("note");
  fix.caps = row.capabilities("caps");
  return fix;
}

}  // namespace

std::string_view name_of(FixKind kind) {
  constexpr std::string_view names[] = {"command", "flag", "version", "action"};
  static_assert(std::size(names) == fix_kind_count);
  return names[static_cast<size_t>(kind)];
}

Result<Table<AnswerRow>> answers_from_json(std::string_view json, std::string_view file) {
  return read_table(json, file, answer_from);
}

Result<Table<FixRow>> fixes_from_json(std::string_view json, std::string_view file) {
  return read_table(json, file, fix_from);
}

std::span<const AnswerRow> answer_rows() {
  static const Table<AnswerRow> table = built_in(answers_from_json, "answers");
  return table.rows;
}

std::span<const FixRow> fix_rows() {
  static const Table<FixRow> table = built_in(fixes_from_json, "fixes");
  return table.rows;
}

}  // namespace mxpath::diagnose
