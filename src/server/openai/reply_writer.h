// From pieces of answers to the bytes of a reply, streamed or whole.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/openai/answer_reader.h"

namespace mxpath::openai {

/// What is known before the first token.
struct ReplyFacts {
  std::string id_suffix;  ///< of the reply: "chatcmpl-" + it
  std::string model;      ///< name to report
  int64_t created = 0;    ///< seconds since 1970
  std::string fingerprint;
  ReasoningField reasoning_field = ReasoningField::reasoning;
  /// Makes the ids of calls and items; every call gives another, 24 letters and digits.
  std::function<std::string()> new_id;
};

/// What is known when all answers have ended.
struct ReplyEnd {
  int prompt_tokens = 0, cached_tokens = 0, new_tokens = 0, reasoning_tokens = 0;
  int written_tokens = 0;  ///< of the prompt, that the cache holds now and did not before
  double queue_seconds = 0, prompt_seconds = 0, answer_seconds = 0;
  std::vector<std::string> warnings = {};  ///< what only the end has shown, beside those of the question
  Json report;                             ///< of X-Mxpath-Report, or null
};

/// One for each reply. The same pieces make the stream and the whole, so that both say the same. Order: begin; then for
/// each answer pieces and one end; then finish or fail. Each returns the bytes of events to send, "" for none: a reply
/// that is not streamed has none and sends whole(). An end with an error is a fail().
class ReplyWriter {
 public:
  virtual ~ReplyWriter() = default;
  virtual std::string begin() = 0;
  virtual std::string pieces(int choice, std::span<const Piece> pieces) = 0;
  virtual std::string end(int choice, const AnswerEnd& end) = 0;
  virtual std::string finish(const ReplyEnd& end) = 0;
  /// The reply ends with an error after it has begun.
  virtual std::string fail(const ApiError& error) = 0;
  /// After finish.
  virtual Json whole() const = 0;
};

/// The question must outlive the writer. Messages of one kind are joined by a blank line, as chat knows one text.
std::unique_ptr<ReplyWriter> chat_writer(const Question& question, ReplyFacts facts);
/// Answer i to prompt p is choice p × best_of + i; whole() keeps the likeliest of each prompt where best_of is more
/// than was asked for.
std::unique_ptr<ReplyWriter> completions_writer(const Question& question, ReplyFacts facts);

}  // namespace mxpath::openai
