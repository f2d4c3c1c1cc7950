// What is asked of an answer to one prompt, and what comes of it.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "base/progress.h"
#include "checkpoint/config.h"
#include "engine/end_reason.h"
#include "engine/sampling.h"

namespace mxpath {

struct GenerateOptions {
  /// 0: as many as the context holds. Prompt and answer are never more tokens than it, although the last token of an
  /// answer is not read.
  int max_new_tokens = 0;
  std::vector<int32_t> stop_tokens;
  SamplingOptions sampling;
  bool use_cache = true;       ///< false: every token reads the whole text again, as use_cache=False elsewhere
  int32_t largest_token = -1;  ///< ids above it have no text and are never chosen; -1: all ids of the model
  std::function<bool(int32_t token)> on_token;  ///< called for every new token, the stop token included; false: stop
  std::function<bool()> go_on;  ///< asked before each chunk of the prompt; false: stop, the answer is empty
  Progress progress;            ///< called while the prompt is read
};

struct Generation {
  std::vector<int32_t> tokens;  ///< new ones, the stop token included
  EndReason reason = EndReason::length;
  int prompt_tokens = 0, reused_tokens = 0;       ///< reused: already in the cache from a turn before
  double prompt_seconds = 0, answer_seconds = 0;  ///< reading the prompt; all steps after the first token
};

/// What generate and score ask of a text. `answer`: tokens that must have room behind it. Errors: the text is empty, it
/// and the answer are longer than the context, or it holds an id outside the vocabulary.
Status check_prompt(std::span<const int32_t> tokens, int context, const ModelConfig& config, int answer = 0);
/// Tokens of an answer that a context should have room for, where a sentence names one.
inline constexpr int usual_answer = 256;

}  // namespace mxpath
