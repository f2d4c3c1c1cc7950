// One answer of a model, streamed as text by channel.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "app/delta_stream.h"
#include "chat/harmony.h"
#include "engine/session.h"

namespace mxpath {

struct Answer;

struct AnswerOptions {
  SamplingOptions sampling;
  int max_new_tokens = 0;  ///< 0: as many as the context holds
  bool use_cache = true;
  std::function<void(const Delta&)> on_delta;
  std::vector<std::string> stops;              ///< texts before which it ends
  UnknownText unknown = UnknownText::settled;  ///< when on_delta hears of text whose channel nobody can know
  std::function<bool()> go_on;  ///< asked before each chunk of the prompt and after each token; false: stop
  Progress progress;            ///< called while the prompt is read
  /// Hears what was generated before an error, if anything was; of its generation only the tokens are set.
  std::function<void(const Answer&)> on_error;
};

struct Answer {
  Generation generation;
  std::vector<harmony::Message> messages;  ///< the assistant's
  std::string text;                        ///< final messages and preambles: what a user is meant to read
  std::string analysis;
  int reasoning_tokens = 0;  ///< tokens of the analysis, as generated
  bool calls_tool = false;   ///< the turn ended with a message to a tool
};

/// Continues a rendered conversation until <|return|>, <|call|>, <|endoftext|> or another role speaks, and parses what
/// comes, however malformed (DeltaStream). Errors: those of Session::generate; what came before one has been told to
/// on_delta and on_error.
Result<Answer> answer_chat(Session& session, const Tokenizer& tokenizer, std::span<const Token> prompt,
                           const AnswerOptions& options);

/// Ends the stream; what it heard, sorted into text, analysis and calls, up to the first of the texts to stop at in a
/// message that a user is meant to read.
void take_messages(Answer& answer, DeltaStream& stream, std::span<const std::string> stops = {});

/// Continues plain tokens without harmony; `text` is all of it but a stop token, special tokens in their literal form.
Result<Answer> continue_raw(Session& session, const Tokenizer& tokenizer, std::span<const Token> prompt,
                            std::span<const Token> stop_tokens, const AnswerOptions& options);

/// Whether there is something for a user to read. Without: the turn ended in its reasoning, with a call, or with
/// nothing.
bool has_text(const Answer& answer);
/// The tool that a turn without a text called last; "": none.
std::string_view called_tool(const Answer& answer);

/// "stop", "tool_call", "length", "context" or "cancelled".
std::string_view stop_reason(const Answer& answer);
/// Whether a piece of an answer is for the user: final, or text in another channel (a preamble).
bool is_for_user(std::string_view channel, std::string_view recipient);

}  // namespace mxpath
