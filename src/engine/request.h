// A prompt to be answered beside others, and what is told of its answers.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "engine/end_reason.h"
#include "engine/executor.h"
#include "engine/sampling.h"

namespace mxpath {

using RequestId = uint64_t;

/// The next token of an answer, the stop token included.
struct NewToken {
  int index = 0;  ///< from 0
  int32_t token = 0;
  float logprob = 0;                                    ///< 0 where none was asked for
  std::span<const std::pair<int32_t, float>> top = {};  ///< the most likely, as many as were asked for
};

/// The end of an answer. Each has exactly one.
struct Ended {
  EndReason reason = EndReason::length;
  Error error = {};                                          ///< of EndReason::error
  bool last = false;                                         ///< all answers to the prompt have ended
  int prompt_tokens = 0, reused_tokens = 0, new_tokens = 0;  ///< reused: the prefix cache held them already
  /// In the queue; from there to the first token; from there to the end.
  double queue_seconds = 0, prompt_seconds = 0, answer_seconds = 0;
};

struct Event {
  RequestId request = 0;
  int choice = 0;  ///< which answer to the prompt
  std::variant<NewToken, Ended> what;
};

struct Request {
  std::vector<int32_t> prompt;
  int max_new_tokens = 0;  ///< 0: as many as the context holds with the prompt
  std::vector<int32_t> stop_tokens;
  SamplingOptions sampling;
  int32_t largest_token = -1;  ///< ids above it are never chosen; -1: all ids of the model
  int priority = 0;            ///< higher goes first
  std::string key;             ///< of the caller: callers take turns
  uint64_t salt = 0;           ///< requests of different salts share no cached prefix
  int choices = 1;             ///< answers; the prompt is read once
  /// Most likely tokens to report with each; none: no log-probabilities, which cost a look at all logits.
  std::optional<int> top = {};
  bool reread = false;  ///< every token reads the whole text again, and nothing of it is found or kept in the cache
  /// What may come next in an answer, as SampleChoice::mask, valid until the next call; empty: everything.
  std::function<const uint32_t*(int choice, std::span<const int32_t> answer)> mask = {};
  /// Called on the thread of the steps; must neither block nor throw. May submit and cancel.
  std::function<void(const Event&)> on_event;
  /// Called as on_event after each step that read of the prompt, but not its end: the tokens of it that are read.
  std::function<void(int64_t tokens)> on_read = {};
};

inline constexpr int most_choices = 128, most_top = 20;

/// The length of text that pages are put by for: the prompt and its longest answer; without max_new_tokens `reserve`
/// tokens of one. Never above the context.
int64_t reserved_length(const Request& request, int context, int reserve);

/// Errors: a request that can never run. An empty prompt, one that leaves no room for an answer in the context, more
/// pages than there are; a value out of its range (wrong use).
Status check_request(const Request& request, const Executor& executor, int reserve);

}  // namespace mxpath
