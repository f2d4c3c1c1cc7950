// What the scheduler asks of a model: steps of many sequences at once. One thread at a time.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/sampling.h"

namespace mxpath {

/// Tokens that one sequence reads in a step; they follow what it holds.
struct StepPart {
  int sequence = 0;
  std::span<const int32_t> tokens;
  bool wants_logits = false;  ///< of the last of them
};

/// A text that is read is put into the prefix cache at least so often: what shares only its beginning is continued from
/// there, because sliding layers keep pages for such places alone.
inline constexpr int64_t tokens_between_checkpoints = 1024;

struct Opened {
  int sequence = 0;
  int64_t reused = 0;  ///< tokens of the text that the prefix cache already held
};

/// How one row of logits becomes a token. The draw is f(sampling.seed, choice, index), so neighbours, order and
/// preemption do not change it.
struct SampleChoice {
  SamplingOptions options;
  uint64_t choice = 0, index = 0;      ///< which answer to its prompt, and how many tokens of it there are already
  int32_t largest_token = -1;          ///< ids above it are never chosen; -1: all ids of the model
  std::optional<int> top = {};         ///< most likely tokens to report; none: no log-probabilities at all
  const uint32_t* mask = nullptr;      ///< a bit for each id, set where it may be chosen; null: all
  std::span<const int32_t> seen = {};  ///< the answer so far, for penalties
};

struct Sampled {
  int32_t token = 0;  ///< below 0: one of those beneath
  float logprob = 0;  ///< natural log-probability; 0: not asked for
  std::vector<std::pair<int32_t, float>> top = {};

  static constexpr int32_t not_finite = -1, nothing_allowed = -2;  ///< the logits; what the mask left
};

/// Runs steps. An error of step or sample leaves the sequences that took part fit for close() alone. What never changes
/// may be asked from any thread: most_sequences, context, most_tokens, pages_for, pages, predicted_seconds.
class Executor {
 public:
  virtual ~Executor() = default;

  virtual int most_sequences() const = 0;
  virtual int context() const = 0;      ///< tokens that a sequence can hold
  virtual int most_tokens() const = 0;  ///< of one step

  /// A sequence that holds the longest cached prefix of `text`, at most text.size() - 1 tokens.
  virtual Result<Opened> open(std::span<const int32_t> text, uint64_t salt) = 0;
  /// Another sequence that holds the same.
  virtual Result<int> fork(int sequence) = 0;
  /// Puts what a sequence has read, `text`, into the prefix cache.
  virtual void keep(int sequence, std::span<const int32_t> text, uint64_t salt) = 0;
  virtual void close(int sequence) = 0;

  /// Whether pages for the step could be found now, cached prefixes let go included.
  virtual bool has_room(std::span<const StepPart> parts) = 0;
  /// Pages of one sequence that is so long, at worst, in the pool that is fullest with them.
  virtual int64_t pages_for(int64_t tokens) const = 0;
  /// Of the fullest pool. Free are those too that cached prefixes alone hold, because they are let go when needed.
  virtual int64_t pages_free() const = 0;
  virtual int64_t pages() const = 0;

  /// By the plan: of a step with so many tokens of answers and so many of prompts.
  virtual double predicted_seconds(int decoding, int reading) const = 0;
  virtual Status step(std::span<const StepPart> parts) = 0;
  /// After a step: one for each part that wanted logits, in their order.
  virtual Result<std::vector<Sampled>> sample(std::span<const SampleChoice> choices) = 0;
  /// Why the logits after a text are no numbers, which is read again to find out.
  virtual Error not_finite(std::span<const int32_t> text) = 0;
};

}  // namespace mxpath
