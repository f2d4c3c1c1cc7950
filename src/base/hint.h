// Knobs that sentences speak of. Below the faces nobody knows whether a knob is a flag, a field or an argument: a
// sentence marks that it means "the context, 4096 for instance", and the face that shows it writes `--ctx 4096` or
// `context=4096`.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"

namespace mxpath {

enum class Knob : uint8_t {
  context,
  device,
  gpu_layers,
  cpu_experts,
  weights,
  dense_weights,
  numerics,
  only,
  exclude,
  strict,
  inject_failure,
  memory_budget,
  temperature,
  top_p,
  min_p,
  top_k,
  date,
  tokens,
  machine,
  shape,
  stored,
  problems,
  target,
  scale_rule,
  shard_bytes,
  resume,
  split,
  kv,
  kv_memory,
  sequences,
  step_target,
  deterministic,
};
inline constexpr int knob_count = static_cast<int>(Knob::deterministic) + 1;

/// A knob, and the value it should have or has; "" where only the knob is meant.
struct Hint {
  Knob knob = Knob::context;
  std::string value = {};
  bool operator==(const Hint&) const = default;
};

/// "memory_budget": as the fields of Policy and of the public options are called.
std::string_view name_of(Knob knob);

/// The mark of a hint inside a sentence, to be formatted into it: `fail("choose {} or more", mention(Knob::context,
/// 4096))`. It keeps its meaning when sentences are put into others. A value from outside must be printable().
std::string mention(const Hint& hint);
template <class T = std::string_view>
std::string mention(Knob knob, const T& value = {}) {
  return mention(Hint{knob, fmt::format("{}", value)});
}

/// How a face writes a hint.
using Wording = std::string (*)(const Hint& hint);
/// "context=4096", or "context" without a value.
std::string plain_wording(const Hint& hint);

/// The text with every mark written out. What only looks like a mark stays as it is.
std::string in_words(std::string_view text, Wording wording = plain_wording);
/// The same for every string in a report.
Json report_in_words(Json report, Wording wording = plain_wording);
/// The hints of a text in their order.
std::vector<Hint> hints_in(std::string_view text);

}  // namespace mxpath
