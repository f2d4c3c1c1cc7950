// Answers through a scheduler, heard on the thread that asks.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "app/answer_builder.h"
#include "app/cancellation.h"
#include "engine/scheduler.h"

namespace mxpath {

struct ScheduledOptions {
  SamplingOptions sampling;
  int max_new_tokens = 0;  ///< 0: as many as the context holds
  int choices = 1;         ///< answers; the prompt is read once
  int priority = 0;        ///< higher goes first
  bool use_cache = true;   ///< false: every token reads the whole text again
  std::optional<int> top;  ///< report log-probabilities, with so many of the most likely tokens
  std::function<void(int choice, const Delta&)> on_delta = {};
  /// Asked before each chunk of the prompt and after each token, and once a second while neither comes; false: stop
  /// all.
  std::function<bool()> go_on = {};
  std::shared_ptr<Cancellation> cancellation = {};  ///< may be null
};

struct TokenLogprob {
  Token token = 0;
  float logprob = 0;  ///< natural; before penalties and temperature
  std::vector<std::pair<Token, float>> top;
};

struct ScheduledAnswer {
  Answer answer;
  std::vector<TokenLogprob> logprobs;  ///< of each token, where they were asked for
  double queue_seconds = 0;
};

/// Answers of a prompt, in the order of their choices. What is called back is called on this thread, and what it throws
/// comes out here after the request was cancelled. Errors: those of Scheduler::submit, and what ends an answer.
Result<std::vector<ScheduledAnswer>> answer_scheduled(Scheduler& scheduler, const Tokenizer& tokenizer,
                                                      const AnswerFormat& format, std::span<const Token> prompt,
                                                      const ScheduledOptions& options);

}  // namespace mxpath
