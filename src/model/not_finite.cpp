#include "model/not_finite.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/hint.h"
#include "base/text.h"
#include "model/layer.h"
#include "plan/workspace.h"

namespace mxpath {
namespace {

/// Looks at the batch after each part of the forward.
class Search {
 public:
  Search(const Model& model, State& state, const Batch& batch) : model_(model), state_(state), batch_(batch) {}

  Result<std::optional<NotFinite>> run() {
    stage(model_, state_, batch_);
    embed(model_, state_);
    MXPATH_CHECK(look({NotFinite::Output::embedding}));
    for (int layer = 0; layer < model_.config.layers && !found_; ++layer) {
      attention_block(model_, state_, layer);
      MXPATH_CHECK(look({NotFinite::Output::attention, layer}));
      if (found_) break;
      experts_block(model_, state_, layer);
      MXPATH_CHECK(look({NotFinite::Output::experts, layer}));
    }
    if (!found_) final_norm(model_, state_);
    for (int row = 0; row < state_.staged && !found_; row += logit_rows_of(model_.plan))
      MXPATH_CHECK(look_at_logits(row));
    return found_;
  }

 private:
  void search(std::span<const float> values, size_t width, int first_row, NotFinite what) {
    const size_t at = first_not_finite(values);
    if (at == values.size()) return;
    what.position = batch_.positions[static_cast<size_t>(first_row) + at / width];
    found_ = what;
  }

  Status look(const NotFinite& what) {
    const size_t width = static_cast<size_t>(model_.config.hidden);
    std::vector<float> x(static_cast<size_t>(state_.staged) * width);
    const Activations& a = state_.on(state_.where);
    MXPATH_CHECK(a.stream->copy_out(x.data(), a.x, x.size() * sizeof(float)));
    search(x, width, 0, what);
    return {};
  }

  Status look_at_logits(int row) {
    const int count = std::min(logit_rows_of(model_.plan), state_.staged - row);
    const size_t width = static_cast<size_t>(model_.config.vocab);
    head(model_, state_, row, count);
    MXPATH_TRY(const float* logits, read_logits(model_, state_, count));
    search({logits, static_cast<size_t>(count) * width}, width, row, {NotFinite::Output::logits});
    return {};
  }

  const Model& model_;
  State& state_;
  const Batch& batch_;
  std::optional<NotFinite> found_;
};

/// Keys and values that a format without a scale could not hold; "": it is none, or something else is the first.
std::string cause_in_cache(const NotFinite& found, const Plan& plan) {
  const NumberFormat kv = plan.kv.format;
  if (found.output != NotFinite::Output::attention || (kv != NumberFormat::fp16 && kv != NumberFormat::fp8_e4m3))
    return "";
  return fmt::format("keys and values in {} hold up to {}; choose {}, and if that does not help, ",
                     kv == NumberFormat::fp16 ? "FP16" : "FP8", largest_in(kv), mention(Knob::kv, "bf16"));
}

std::string cause_in_weights(const Plan& plan) {
  std::string converted;
  for (const Conversion& c : plan.conversions)
    if (!c.lossless())
      converted += fmt::format("{}{} as {}", converted.empty() ? "" : ", ", fmt::format("{}", fmt::join(c.sites, ", ")),
                               name_of(c.to));
  if (!converted.empty())
    return fmt::format(
        "weights are held in another format than they are stored in ({}): hold them as stored, and if that does not "
        "help, they "
        "are too large for a forward, as after a training that diverged",
        converted);
  return "the weights are held as stored, so they are too large for a forward, as after a training that diverged: use "
         "another checkpoint";
}

}  // namespace

size_t first_not_finite(std::span<const float> values) {
  // Most are asked about rows in which all are finite: a sum is quicker than a comparison of each.
  float odd[8] = {};
  size_t i = 0;
  for (; i + 8 <= values.size(); i += 8)
    for (size_t j = 0; j < 8; ++j) odd[j] += values[i + j] - values[i + j];
  for (; i < values.size(); ++i) odd[0] += values[i] - values[i];
  if (std::ranges::all_of(odd, [](float x) { return x == 0; })) return values.size();
  return static_cast<size_t>(std::ranges::find_if(values, [](float x) { return !std::isfinite(x); }) - values.begin());
}

Result<std::optional<NotFinite>> find_not_finite(const Model& model, State& state, const Batch& batch) {
  return Search(model, state, batch).run();
}

std::string describe(const std::optional<NotFinite>& found) {
  if (!found) return "reading the text again gave finite ones";
  const auto first = [&](const std::string& what) {
    return fmt::format("{} the first to hold a NaN or an infinity, at position {}", what, found->position);
  };
  switch (found->output) {
    case NotFinite::Output::embedding: return first("the embedding is");
    case NotFinite::Output::attention: return first(fmt::format("the attention of layer {} is", found->layer));
    case NotFinite::Output::experts: return first(fmt::format("the experts of layer {} are", found->layer));
    case NotFinite::Output::logits: return first("the head is");
  }
  return "";
}

std::string cause_of(const std::optional<NotFinite>& found, const Plan& plan) {
  if (!found) return "this computer's memory or a kernel path is faulty, please report it";
  return cause_in_cache(*found, plan) + cause_in_weights(plan);
}

}  // namespace mxpath
