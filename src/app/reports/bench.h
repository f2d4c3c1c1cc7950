// How fast a loaded model answers and reads.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/load.h"
#include "engine/session.h"
#include "plan/expectation.h"

namespace mxpath {

struct BenchOptions {
  std::vector<int> prompts = {2048};  ///< lengths of prompts to read; 0: none
  std::vector<int> depths = {0};      ///< tokens that stand before an answer
  int tokens = 128;                   ///< measured steps of an answer; 0: none
  std::vector<int> sequences = {1};   ///< answers side by side
  int repeat = 3;                     ///< times each prompt is read
  uint64_t seed = 1;                  ///< for the prompts' tokens
  std::function<bool()> go_on = {};   ///< false: stop, and keep what was measured
  Progress progress = {};
};
/// Steps before those that count: the first ones after a prompt find cold caches.
inline constexpr int warm_up_steps = 3;
/// The most answers side by side.
int most_sequences_of(const BenchOptions& options);
/// Positions that the longest measurement fills.
int longest_text(const BenchOptions& options);

/// One row of the report.
struct Measurement {
  int tokens = 0;               ///< tokens of the prompt; of a step one for each sequence
  int depth = 0;                ///< a step only: tokens before it
  std::vector<double> seconds;  ///< a step: each step with its sampling; a prompt: each reading up to the first token
  Expectation expected;         ///< what is predicted for the middle of the measurement
  double quantile(double share) const;  ///< a quantile of the seconds, by the nearest rank; 0.5 is the median
  double rate(double share) const { return tokens / quantile(share); }
};

struct BenchResult {
  std::vector<Measurement> steps;  ///< [depths * sequences]
  std::vector<Measurement> prompts;
  std::map<std::string, int> step_paths,
      prompt_paths;  ///< rows that ran in one step, and in one prompt of a chunk at most, with their calls
};

/// Measures prompts, then answers, greedily, on random tokens. A warm-up is read first and not counted. Errors: those
/// of Session::generate.
Result<BenchResult> bench(const LoadedModel& loaded, Session& session, const Machine& machine,
                          const BenchOptions& options);

}  // namespace mxpath
