// What a plan promises for a step or a prompt, and what the machine could do at best: the figures beside every
// measurement.
#pragma once
#include "plan/plan.h"

namespace mxpath {

/// Sums over all sites of one step, or of one prompt read in chunks. Seconds are least times, but for `predicted`.
struct Expectation {
  double bytes = 0, flops = 0;  ///< weights, key/value cache and activations; weights are read once for each chunk
  double predicted = 0;         ///< the chosen paths at their measured efficiency, as the plan prices them
  double memory_seconds = 0;    ///< bytes at the full bandwidth of their devices
  double compute_seconds = 0;   ///< flops at the peak of the units that the chosen paths use
  double roof = 0;              ///< the longer of the two, site by site
  double best_roof = 0;         ///< as roof, with the fastest unit of the device in place of the path's own
};

/// What a query of a prompt sees on average when the prompt is read from its beginning.
constexpr int64_t mean_keys(int64_t prompt) { return (prompt + 1) / 2; }

/// Sets what the plan predicts of itself: the crossings, a step and a prompt as its typical calls are priced, the bytes
/// of weights per token. The sites, blocks and placement are set.
void add_predictions(Plan& plan, const ModelConfig& config, const Machine& machine);

/// One step of an answer: a token that sees `keys` earlier ones (itself included) in the full layers, the window in the
/// sliding ones.
/// With more sequences a token of each.
Expectation expect_step(const Plan& plan, const Machine& machine, int64_t keys, int sequences = 1);

/// Expects the time from a prompt to its first token: plan.chunk tokens at a time, the head and the sampling once.
Expectation expect_prompt(const Plan& plan, const Machine& machine, int tokens);

/// What steps of several sequences cost by a plan, added up once: who sizes a step asks many times.
class StepPrices {
 public:
  explicit StepPrices(const Plan& plan);
  /// Predicted seconds of a step that reads so many tokens and gives logits for `rows` of them: between the calls that
  /// the regimes are priced at on a straight line, beyond the last at its rate. Never less for more.
  double seconds(int tokens, int rows) const;

 private:
  std::vector<double> layers_, logits_;  // for each regime: all but what runs for rows of logits, and that
};

}  // namespace mxpath
