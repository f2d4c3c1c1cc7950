#include "diagnose/judge.h"

#include <algorithm>

namespace mxpath::diagnose {
namespace {

constexpr size_t same_statement = 1;  // lines: one error, two rows
constexpr size_t same_error = 25;     // lines of one traceback
constexpr int clearly_stronger = 50;

int strength(const Found& found) {
  return found.row->priority + (found.level == Level::warning && !found.row->any_level ? 200 : 0);
}

size_t distance(const Found& a, const Found& b) { return a.line > b.line ? a.line - b.line : b.line - a.line; }

/// `other` explains `found` away.
bool absorbed_by(const Found& found, const Found& other) {
  const int difference = strength(found) - strength(other);
  if (distance(found, other) <= same_statement)
    return difference > 0 || (difference == 0 && other.row < found.row && other.line <= found.line);
  return distance(found, other) <= same_error && difference >= clearly_stronger;
}

std::vector<const Found*> without_absorbed(const std::vector<const Found*>& list) {
  std::vector<const Found*> kept;
  for (const Found* found : list) {
    const bool absorbed = std::any_of(
        list.begin(), list.end(), [&](const Found* other) { return other != found && absorbed_by(*found, *other); });
    if (!absorbed) kept.push_back(found);
  }
  return kept;
}

void keep_first_of_each_class(std::vector<const Found*>& list) {
  std::vector<const Found*> kept;
  for (const Found* found : list)
    if (std::none_of(kept.begin(), kept.end(), [&](const Found* k) { return k->row->cls == found->row->cls; }))
      kept.push_back(found);
  list = std::move(kept);
}

}  // namespace

Knowledge knowledge_of(const ScanResult& scan, const Facts& facts) {
  Knowledge knowledge;
  if (facts.machine && !facts.machine->gpus.empty()) {
    knowledge.capability = facts.machine->gpus.front().arch.number;
    knowledge.capability_from_facts = true;
  } else if (!scan.contexts.has(Context::amd)) {
    if (scan.capabilities.size() == 1) knowledge.capability = scan.capabilities.front();
    else if (scan.capabilities.empty() && scan.named_capabilities.size() == 1)
      knowledge.capability = scan.named_capabilities.front();
  }
  knowledge.versions = facts.versions;
  knowledge.versions_from_facts = !facts.versions.empty();
  if (knowledge.versions_from_facts)  // a list from the user is complete for the packages that decide
    for (const char* package : {"kernels", "triton-kernels"}) knowledge.versions.try_emplace(package, "absent");
  for (const auto& [package, version] : scan.versions) knowledge.versions.try_emplace(package, version);
  knowledge.mxfp4_checkpoint = facts.mxfp4_checkpoint;
  return knowledge;
}

bool applies(const Signature& row, const ScanResult& scan, const Knowledge& knowledge) {
  if (!scan.contexts.contains(row.all)) return false;
  if (!row.any.empty() && !scan.contexts.overlaps(row.any)) return false;
  if (scan.contexts.overlaps(row.none)) return false;
  if (!row.caps.empty() && knowledge.capability && !row.caps.contains(*knowledge.capability)) return false;
  if (row.must_know.has(Need::machine) && !knowledge.capability_from_facts) return false;
  if (row.must_know.has(Need::checkpoint) && knowledge.mxfp4_checkpoint != std::optional<bool>(row.mxfp4_checkpoint))
    return false;
  const std::optional<bool> versions = holds(row.versions, knowledge.versions);
  if (versions && !*versions) return false;
  return !row.must_know.has(Need::versions) || (versions.has_value() && knowledge.versions_from_facts);
}

std::vector<const Found*> judge(const ScanResult& scan, const Knowledge& knowledge) {
  std::vector<const Found*> strong, weak_ones;
  for (const Found& found : scan.found)
    if (found.row->kind == Kind::finding && applies(*found.row, scan, knowledge))
      (strength(found) < weak ? strong : weak_ones).push_back(&found);
  std::vector<const Found*> list = without_absorbed(strong.empty() ? weak_ones : strong);
  // Among weak signs the strongest comes first, among errors the first in the log: later ones repeat it or follow from
  // it.
  std::stable_sort(list.begin(), list.end(), [&](const Found* a, const Found* b) {
    if (strong.empty() && a->row->priority != b->row->priority) return a->row->priority < b->row->priority;
    return a->line != b->line ? a->line < b->line : strength(*a) < strength(*b);
  });
  const bool decided =
      std::any_of(list.begin(), list.end(), [](const Found* f) { return f->row->cls != FailureClass::cannot_tell; });
  if (decided) std::erase_if(list, [](const Found* f) { return f->row->cls == FailureClass::cannot_tell; });
  keep_first_of_each_class(list);
  if (list.size() > 4) list.resize(4);
  return list;
}

}  // namespace mxpath::diagnose
