// Cuts and choices of one row on the CPU: nothing is sorted but the few that can be left.
#pragma once
#include <cstdint>
#include <limits>
#include <span>

#include "kernels/sample/likelihood.h"

namespace mxpath {

struct TokenLogit {
  float logit;
  int32_t id;
};
/// The order of likelihood, the lower id first among equals: a total one.
inline bool before(const TokenLogit& a, const TokenLogit& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

/// What is left of a row: ids up to a place in the order of likelihood that are at least so likely.
struct Cut {
  TokenLogit last = {-std::numeric_limits<float>::infinity(), -1};  // everything that is above minus infinity
  float least = 0;
  bool keeps(const TokenLogit& c, float likelihood) const { return !before(last, c) && likelihood >= least; }
};

/// The `count` largest logits and whatever else is not below a bound that keeps them; fewer where no more are above
/// minus infinity. `room` has room for all logits; the result lies in it, in ascending order of ids.
std::span<TokenLogit> candidates_for_top(std::span<const float> logits, size_t count, std::span<TokenLogit> room);

/// Where top_k and top_p of a row cut, and its min_p. Logits of minus infinity are not allowed.
Cut cut_of(std::span<const float> logits, Softmax softmax, const SampleRow& row, std::span<TokenLogit> room);

/// The first id at which the running mass of what is left passes random × its sum. Something is left.
int32_t choose(std::span<const float> logits, Softmax softmax, const Cut& cut, double random);

}  // namespace mxpath
