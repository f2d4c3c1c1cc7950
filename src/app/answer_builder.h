// The tokens of an answer, one after the other, to its text and messages.
#pragma once
#include <optional>
#include <vector>

#include "app/answer.h"
#include "app/stop_text.h"

namespace mxpath {

/// How an answer is read.
struct AnswerFormat {
  bool harmony = true;             ///< false: plain text
  std::vector<Token> stop_tokens;  ///< that end it
  Token largest_token = -1;        ///< ids above it are never chosen; -1: all ids of the model
  /// Texts before which it ends, looked for in what a user is meant to read, within one message.
  std::vector<std::string> stops = {};
};
/// Until <|return|>, <|call|>, <|endoftext|> or another role speaks.
AnswerFormat harmony_format(const Tokenizer& tokenizer);
AnswerFormat raw_format(std::span<const Token> stop_tokens);

/// Not movable: the stream points at it.
class AnswerBuilder {
 public:
  /// The tokenizer must outlive the builder.
  AnswerBuilder(const Tokenizer& tokenizer, AnswerFormat format, std::function<void(const Delta&)> on_delta,
                UnknownText unknown = UnknownText::settled);
  AnswerBuilder(const AnswerBuilder&) = delete;
  AnswerBuilder& operator=(const AnswerBuilder&) = delete;

  const AnswerFormat& format() const { return format_; }
  /// Tells on_delta what the token completes, but for what is or may become a stop text. True: the answer is over, by a
  /// stop token or text, or because another role speaks.
  bool hear(Token token);
  /// Once, at the end: sets everything but the generation, whose tokens and reason it reads; an answer that is over has
  /// the reason stop_token.
  void finish(Answer& answer);

 private:
  void take(const Delta& delta);
  void report(const std::string& text, bool last);

  const Tokenizer& tokenizer_;
  const AnswerFormat format_;
  const std::function<void(const Delta&)> on_delta_;
  const std::function<void(const Delta&)> sink_;  // of the stream
  StopText visible_;                              // of the message that is told
  std::optional<DeltaStream> stream_;             // of harmony
  Utf8Stream text_;                               // of anything else
  size_t heard_ = 0;                              // tokens
  bool begun_ = false, over_ = false, stop_token_ = false;
};

}  // namespace mxpath
