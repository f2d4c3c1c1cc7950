// What the model thinks of a text it is given.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace mxpath {

struct Score {
  std::vector<double> logprobs;  ///< [n - 1] natural log-probability of token i + 1 after tokens 0..i
  std::vector<std::vector<std::pair<int32_t, double>>>
      top;  ///< [n]: the most likely next tokens after token i, best first
};

/// log Σ exp(logits), in double: what turns logits into log-probabilities.
double log_sum_exp(std::span<const float> logits);

}  // namespace mxpath
