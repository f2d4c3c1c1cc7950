// The tokens of one answer to pieces of a reply.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/answer_builder.h"
#include "engine/end_reason.h"
#include "server/openai/question.h"

namespace mxpath::openai {

/// A token of visible text with its likelihood.
struct TextLogprob {
  std::string bytes;  ///< of the token
  float logprob = 0;
  std::vector<std::pair<std::string, float>> top;
  Token token = -1;
};

/// What one token, or the end, completed: of one kind and one message.
struct Piece {
  enum class Kind : uint8_t {
    reasoning,  ///< text on channel analysis without a recipient
    preamble,   ///< text for the user on channel commentary
    text,       ///< text for the user on channel final, or of a raw answer
    call,       ///< a function is called: `text` is its name; comes once, before its arguments
    arguments,  ///< more of the arguments of the call
  };
  Kind kind = Kind::text;
  std::string text;
  int message = 0;                         ///< counts messages of the answer; pieces of one message stand together
  int call = -1;                           ///< counts calls of the answer, from 0
  bool begins = false, ends = false;       ///< first, last piece of its message
  std::vector<TextLogprob> logprobs = {};  ///< of the tokens that became visible with it (text and preamble)
};

/// How an answer ended, as a caller is told.
enum class Finish : uint8_t { stop, length, tool_calls, cancelled, error };

struct AnswerEnd {
  Finish finish = Finish::stop;
  int new_tokens = 0, reasoning_tokens = 0;  ///< reasoning: analysis messages with their headers
  bool stopped_by_text = false;
  std::optional<ApiError> error = {};
};

/// One for each answer. Stop texts are looked for in visible text alone; text is held back while it could become one,
/// and neither it nor what follows is told. A call is known by its recipient ("functions.NAME", or the NAME of a
/// declared function), on whatever channel; what is said to a recipient that no declared function has is reasoning: it
/// is nothing that a user is meant to read.
class AnswerReader {
 public:
  /// All must outlive the reader.
  AnswerReader(const Tokenizer& tokenizer, const Question& question);
  ~AnswerReader();
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  /// What the token completes. logprob and top are kept where the question asked for them.
  std::vector<Piece> hear(Token token, float logprob = 0, std::span<const std::pair<Token, float>> top = {});
  /// The answer is over: by a stop token or text, or because another role speaks. Nothing more is to be told to it, and
  /// the request may be cancelled.
  bool over() const;
  /// Once. Pieces that were held back, then how it ended.
  std::pair<std::vector<Piece>, AnswerEnd> finish(EndReason reason, const Error& error = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The function that a recipient names, or "": "functions.get_weather" → "get_weather". With declared functions only
/// theirs count; without any, whatever is neither a role nor a built-in tool.
std::string_view called_function(std::string_view recipient, std::span<const Function> declared);

}  // namespace mxpath::openai
