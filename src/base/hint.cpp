#include "base/hint.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/json.h"

namespace mxpath {
namespace {

// ASCII's own "another character set begins" and "ends"; printable() lets neither through, so that no file or name can
// forge a mark.
constexpr char shift_out = '\x0e', shift_in = '\x0f';

constexpr std::array<std::string_view, knob_count> names = {
    "context",   "device",    "gpu_layers",  "cpu_experts",    "weights",       "dense_weights", "numerics",
    "only",      "exclude",   "strict",      "inject_failure", "memory_budget", "temperature",   "top_p",
    "min_p",     "top_k",     "date",        "tokens",         "machine",       "shape",         "stored",
    "problems",  "target",    "scale_rule",  "shard_bytes",    "resume",        "split",         "kv",
    "kv_memory", "sequences", "step_target", "deterministic"};

/// What stands between the two ends of a mark; nothing if it names no knob.
std::optional<Hint> hint_from(std::string_view inside) {
  const size_t equals = inside.find('=');
  const auto name = std::ranges::find(names, inside.substr(0, equals));
  if (name == names.end()) return {};
  return Hint{static_cast<Knob>(name - names.begin()),
              equals == inside.npos ? "" : std::string(inside.substr(equals + 1))};
}

/// Calls on_text and on_hint for the pieces of a text in their order.
template <class OnText, class OnHint>
void walk(std::string_view text, OnText on_text, OnHint on_hint) {
  while (!text.empty()) {
    const size_t begin = text.find(shift_out), end = begin == text.npos ? text.npos : text.find(shift_in, begin);
    if (end == text.npos) break;
    const auto hint = hint_from(text.substr(begin + 1, end - begin - 1));
    on_text(text.substr(0, hint ? begin : end + 1));
    if (hint) on_hint(*hint);
    text.remove_prefix(end + 1);
  }
  on_text(text);
}

}  // namespace

std::string_view name_of(Knob knob) { return names[static_cast<size_t>(knob)]; }

std::string mention(const Hint& hint) { return fmt::format("{}{}{}", shift_out, plain_wording(hint), shift_in); }

std::string plain_wording(const Hint& hint) {
  return fmt::format("{}{}{}", name_of(hint.knob), hint.value.empty() ? "" : "=", hint.value);
}

std::string in_words(std::string_view text, Wording wording) {
  std::string out;
  walk(
      text, [&](std::string_view piece) { out += piece; }, [&](const Hint& hint) { out += wording(hint); });
  return out;
}

Json report_in_words(Json report, Wording wording) {
  if (report.is_string()) return in_words(report.get_ref<const std::string&>(), wording);
  if (report.is_structured())
    for (auto& part : report) part = report_in_words(std::move(part), wording);
  return report;
}

std::vector<Hint> hints_in(std::string_view text) {
  std::vector<Hint> hints;
  walk(
      text, [](std::string_view) {}, [&](const Hint& hint) { hints.push_back(hint); });
  return hints;
}

}  // namespace mxpath
