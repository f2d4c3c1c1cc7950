// One answer of a model, streamed as text by channel.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "chat/harmony.h"
#include "engine/session.h"
#include "interfaces/delta_stream.h"

namespace mxpath {

struct AnswerOptions {
  SamplingOptions sampling;
  int max_new_tokens = 0;  ///< 0: as many as the context holds
  bool use_cache = true;
  std::function<void(const Delta&)> on_delta;
  std::function<bool()> go_on;  ///< asked before each chunk of the prompt and after each token; false: stop
  Progress progress;            ///< of reading the prompt
};

struct Answer {
  Generation generation;
  std::vector<harmony::Message> messages;
  std::string text;  ///< final messages and preambles: what a user is meant to read
  std::string analysis;
  bool calls_tool = false;  ///< ended with <|call|>
};

/// Continues a rendered conversation until <|return|>, <|call|> or <|endoftext|> and parses what comes, however malformed. Errors: those of
/// Session::generate.
Result<Answer> answer_chat(Session& session, const Tokenizer& tokenizer, std::span<const Token> prompt, const AnswerOptions& options);

/// Continues plain tokens without harmony; `text` is all of it but a stop token, special tokens in their literal form.
Result<Answer> continue_raw(Session& session, const Tokenizer& tokenizer, std::span<const Token> prompt, std::span<const Token> stop_tokens,
                            const AnswerOptions& options);

/// "stop", "tool_call", "length", "context" or "cancelled".
std::string_view stop_reason(const Answer& answer);
/// Of a piece of an answer: final, or text for the user in another channel (a preamble).
bool is_for_user(std::string_view channel, std::string_view recipient);

}  // namespace mxpath
