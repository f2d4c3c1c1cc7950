// One conversation on a loaded model: tokens in, tokens out.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "engine/kv_cache.h"
#include "model/model.h"

namespace mxpath {

struct SamplingOptions {
  float temperature = 1, top_p = 1, min_p = 0;  ///< temperature 0: greedy
  int top_k = 0;                                ///< 0: all
  uint64_t seed = 0;
};
/// Errors (wrong use): a value out of its range, with the range.
Status check_sampling(const SamplingOptions& options);

struct GenerateOptions {
  int max_new_tokens = 0;  ///< 0: as many as the context holds
  std::vector<int32_t> stop_tokens;
  SamplingOptions sampling;
  bool use_cache = true;       ///< false: every token reads the whole text again, as use_cache=False elsewhere
  int32_t largest_token = -1;  ///< ids above it have no text and are never chosen; -1: all ids of the model
  std::function<bool(int32_t token)> on_token;  ///< called for every new token, the stop token included; false: stop
  std::function<bool()> go_on;  ///< asked before each chunk of the prompt; false: stop, the answer is empty
  Progress progress;            ///< called while the prompt is read
};
/// What generate and score ask of a text. `answer`: tokens that must have room behind it; the first needs none, because
/// the last token of the text predicts it. Errors: the text is empty, it and the answer are longer than the context, or
/// it holds an id outside the vocabulary.
Status check_prompt(std::span<const int32_t> tokens, int context, const ModelConfig& config, int answer = 0);
/// The answer that generate asks room for: one token where no more are wanted, else two, so that it can go on.
constexpr int least_answer(int max_new_tokens) { return max_new_tokens == 1 ? 1 : 2; }
/// Tokens of an answer that a context should have room for, where a sentence names one.
inline constexpr int usual_answer = 256;

enum class StopReason { stop_token, length, context, cancelled };
std::string_view name_of(StopReason reason);

struct Generation {
  std::vector<int32_t> tokens;  ///< new ones, the stop token included
  StopReason reason = StopReason::length;
  int prompt_tokens = 0, reused_tokens = 0;       ///< reused: already in the cache from the turn before
  double prompt_seconds = 0, answer_seconds = 0;  ///< reading the prompt; all steps after the first token
};

/// What the model thinks of a text it is given.
struct Score {
  std::vector<double> logprobs;  ///< [n - 1] natural log-probability of token i + 1 after tokens 0..i
  std::vector<std::vector<std::pair<int32_t, double>>>
      top;  ///< [n]: the most likely next tokens after token i, best first
};

/// log Σ exp(logits), in double: what turns logits into log-probabilities.
double log_sum_exp(std::span<const float> logits);

/// Holds the cache and the activations; the model may be shared. Not for two threads at once.
class Session {
 public:
  static Result<Session> create(const Model& model, ThreadPool& threads);

  /// Reads `prompt` (keeping what the cache already holds of it) and continues it. Errors: an empty prompt, a token id
  /// outside the vocabulary, a prompt that leaves no room for an answer in the context, logits that are NaN or
  /// infinite: the sentence says in which layer that begins.
  Result<Generation> generate(std::span<const int32_t> prompt, const GenerateOptions& options);
  /// Teacher forcing. top: how many of the most likely tokens to report for each position; 0: none. Errors as generate.
  Result<Score> score(std::span<const int32_t> tokens, int top, const Progress& progress = {});
  /// Reads all tokens and shows the logits [V] after each of them, in order. Errors as generate.
  Status visit_logits(std::span<const int32_t> tokens,
                      const std::function<void(size_t position, std::span<const float> logits)>& visit,
                      const Progress& progress = {});
  /// Logits [V] after the last token that was read; valid until the next call. For tests.
  Result<std::span<const float>> logits();
  void set_trace(Trace* trace) { state_.trace = trace; }

 private:
  Status check(std::span<const int32_t> tokens, int answer = 0) const {
    return check_prompt(tokens, model_->plan.context, model_->config, answer);
  }
  size_t keep_common_prefix(std::span<const int32_t> prompt, bool use_cache);
  void forget();
  Result<bool> read(std::span<const int32_t> tokens, const Progress& progress,
                    const std::function<bool()>& go_on = {});  // false: told to stop
  Status read_chunk(std::span<const int32_t> tokens);
  Status read_one(int32_t token);  // with its logits; a graph on the GPU once it is known to run
  Batch next_batch(std::span<const int32_t> tokens);
  Result<int32_t> pick(const GenerateOptions& options, Random& random);
  /// The error for logits at a position that are NaN or infinite. Reads the text again to find where that begins, and
  /// forgets it.
  Error not_finite(size_t position);

  const Model* model_ = nullptr;
  State state_;
  KvCache cache_;
  std::vector<int32_t> history_;  // tokens whose keys and values the cache holds
  size_t furthest_ = 0;  // positions that the rings were written to since they were empty; a rollback does not lower it
  std::vector<int32_t> positions_, slots_;
  std::span<const KvView* const> caches_[1];  // of the one sequence
  CudaGraph decode_;                          // one token through all layers and the head
  Trace decode_trace_;                        // the rows in it
  int eager_decodes_ = 0;
};

}  // namespace mxpath
