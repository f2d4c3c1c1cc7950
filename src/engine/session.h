// One conversation on a loaded model: tokens in, tokens out.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "engine/generate.h"
#include "engine/model_executor.h"
#include "engine/score.h"
#include "model/model.h"

namespace mxpath {

/// A thin face of an executor for one text at a time; the model may be shared. Not for two threads at once.
class Session {
 public:
  static Result<Session> create(const Model& model, ThreadPool& threads);

  /// Reads `prompt` (keeping what the caches already hold of it) and continues it. Errors: an empty prompt, a token id
  /// outside the vocabulary, a prompt that leaves no room for an answer in the context, logits that are NaN or
  /// infinite: the sentence says in which layer that begins.
  Result<Generation> generate(std::span<const int32_t> prompt, const GenerateOptions& options);
  /// Teacher forcing. top: how many of the most likely tokens to report for each position; 0: none. Errors as generate.
  Result<Score> score(std::span<const int32_t> tokens, int top, const Progress& progress = {});
  /// Reads all tokens and shows the logits [V] after each of them, in order. Errors as generate.
  Status visit_logits(std::span<const int32_t> tokens,
                      const std::function<void(size_t position, std::span<const float> logits)>& visit,
                      const Progress& progress = {});
  /// Reads the text and gives the logits [V] after it; valid until the next call. Errors as score.
  Result<std::span<const float>> read_logits(std::span<const int32_t> text);
  /// Logits [V] after the last token that was read; valid until the next call. For tests.
  Result<std::span<const float>> logits() { return executor_->logits(0); }
  /// Puts what was read last, the answer included, into the prefix cache.
  void keep();
  void set_trace(Trace* trace) { executor_->set_trace(trace); }
  /// Gives back the sequence that it holds between calls; for executors that others use too.
  void forget();
  /// What it runs on, with the keys and values.
  ModelExecutor& executor() { return *executor_; }

 private:
  const Plan& plan() const { return executor_->model().plan; }
  Status check(std::span<const int32_t> tokens, int answer = 0) const {
    return check_prompt(tokens, plan().context, executor_->model().config, answer);
  }
  /// Makes the sequence hold a beginning of `prompt`, all but the last token at most; how much.
  Result<size_t> begin(std::span<const int32_t> prompt, bool use_cache);
  Result<bool> read(std::span<const int32_t> tokens, const Progress& progress,
                    const std::function<bool()>& go_on = {});  // false: told to stop
  Status read_part(std::span<const int32_t> tokens, bool wants_logits);
  Result<int32_t> pick(const GenerateOptions& options, size_t index);
  /// The error for logits that are NaN or infinite after tokens 0..position of what was read.
  Error not_finite(size_t position);

  std::unique_ptr<ModelExecutor> executor_;
  int sequence_ = -1;             // -1: none is open
  std::vector<int32_t> history_;  // tokens that it holds
  int64_t kept_ = 0;              // of them, what the prefix cache was given
  bool keeps_ = true;             // whether it is given any while they are read
};

}  // namespace mxpath
