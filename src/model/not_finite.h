// Where a forward first has a number that is none.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "model/model.h"

namespace mxpath {

/// The index of the first NaN or infinity; the size if all are finite.
size_t first_not_finite(std::span<const float> values);

/// The first output of a forward with a NaN or an infinity in it.
struct NotFinite {
  enum class Output { embedding, attention, experts, logits };
  Output output;
  int layer = LayerSet::outside;
  int position = 0;  ///< the first position of the text that has it
};

/// Runs a batch once more with a look at the residual stream after each part, and at all logits. None: every number is
/// finite. Error: the GPU has failed.
Result<std::optional<NotFinite>> find_not_finite(const Model& model, State& state, const Batch& batch);

/// "the output of the experts of layer 3 is the first that is none, at position 5"; none: reading it again gave finite
/// numbers.
std::string describe(const std::optional<NotFinite>& found);
/// What may be the reason under this plan, and what to do.
std::string cause_of(const std::optional<NotFinite>& found, const Plan& plan);

}  // namespace mxpath
