#include <iterator>

#include "diagnose/signature.h"
#include "diagnose/table_reader.h"

namespace mxpath::diagnose {
namespace {

struct NamedPriority {
  std::string_view name;
  Priority value;
};
constexpr NamedPriority priorities[] = {
    {"exact", exact}, {"likely", likely}, {"generic", generic}, {"weak", weak}, {"hint", hint}};

/// A name of Priority, or a number between two of them.
int priority_from(RowReader& row) {
  const char* field = "priority";
  if (!row.is_text(field)) return row.number(field, 1, 499, exact);
  const std::string_view name = row.text(field);
  for (const NamedPriority& priority : priorities)
    if (priority.name == name) return priority.value;
  row.complain(field, "it may be exact, likely, generic, weak, hint or a number");
  return exact;
}

void read_conditions(RowReader& row, Signature& s) {
  s.all = row.set_of<Contexts, Context>("all", context_count);
  s.any = row.set_of<Contexts, Context>("any", context_count);
  s.none = row.set_of<Contexts, Context>("none", context_count);
  s.versions = row.text("versions");
  s.caps = row.capabilities("caps");
  s.must_know = row.set_of<Needs, Need>("must_know", need_count);
  s.mxfp4_checkpoint = row.truth("mxfp4_checkpoint");
  s.any_level = row.truth("any_level");
}

Signature signature_from(RowReader& row) {
  Signature s;
  row.require({"id", "phrases"});
  s.id = row.text("id");
  row.unique("id", s.id);
  s.kind = row.one_of("kind", kind_count, Kind::finding);
  if (row.has("class") != (s.kind == Kind::finding)) row.complain("class", "findings have one, other kinds have none");
  if (row.has("sets") != (s.kind == Kind::context)) row.complain("sets", "kind context has it, other kinds have not");
  s.cls = row.one_of("class", failure_class_count, FailureClass::cannot_tell);
  s.meaning = row.one_of("meaning", meaning_count, Meaning::other);
  s.phrases = row.texts("phrases");
  s.pattern = row.text("pattern");
  s.priority = priority_from(row);
  s.confidence = row.one_of("confidence", confidence_count, Confidence::high);
  s.elsewhere = row.truth("elsewhere");
  read_conditions(row, s);
  s.sets = row.one_of("sets", context_count, Context::failure);
  s.summary = row.phrase("summary");
  s.why = row.phrase("why");
  s.needs = row.set_of<Needs, Need>("needs", need_count);
  s.own_fixes = row.truth("own_fixes");
  s.link = row.text("link");
  return s;
}

}  // namespace

std::string_view name_of(Kind kind) {
  constexpr std::string_view names[] = {"finding", "wrapper", "noise", "context"};
  static_assert(std::size(names) == kind_count);
  return names[static_cast<size_t>(kind)];
}

std::string_view name_of(Meaning meaning) {
  constexpr std::string_view names[] = {"other", "exception", "user_stop"};
  static_assert(std::size(names) == meaning_count);
  return names[static_cast<size_t>(meaning)];
}

std::string_view name_of(Confidence confidence) {
  constexpr std::string_view names[] = {"low", "medium", "high"};
  static_assert(std::size(names) == confidence_count);
  return names[static_cast<size_t>(confidence)];
}

Result<Table<Signature>> signatures_from_json(std::string_view json, std::string_view file) {
  return read_table(json, file, signature_from);
}

std::span<const Signature> signatures() {
  static const std::vector<Table<Signature>> tables = built_in_all(signatures_from_json, "signatures_");
  static const std::vector<Signature> rows = [] {
    std::vector<Signature> list;
    for (const Table<Signature>& table : tables) list.insert(list.end(), table.rows.begin(), table.rows.end());
    return list;
  }();
  return rows;
}

}  // namespace mxpath::diagnose
