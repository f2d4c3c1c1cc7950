// Text on its way to a reader, token by token: what could become a stop text waits, and likelihoods go with their
// tokens.
#pragma once
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/stop_text.h"
#include "chat/tokenizer.h"
#include "server/openai/answer_reader.h"

namespace mxpath::openai {

/// The tokens of an answer whose text has not come yet.
class TokenTrail {
 public:
  /// special_is_text: special tokens are literal text, as in an answer without harmony.
  TokenTrail(const Tokenizer& tokenizer, bool special_is_text)
      : tokenizer_(tokenizer), special_is_text_(special_is_text) {}

  void add(Token token, float logprob, std::span<const std::pair<Token, float>> top);
  /// Those that a text of so many bytes came of: the last ones up to the `end`th token added (from 1), back to a
  /// special token or one that was given before. Everything up to `end` is forgotten.
  std::vector<TextLogprob> take(size_t end, size_t bytes);

 private:
  struct Heard {
    bool text = false;
    TextLogprob logprob;
  };
  std::string bytes_of(Token token) const;

  const Tokenizer& tokenizer_;
  bool special_is_text_;
  std::deque<Heard> heard_;
  size_t forgotten_ = 0;
};

/// One message.
class VisibleText {
 public:
  struct Shown {
    std::string text;
    std::vector<TextLogprob> logprobs;
  };

  /// The texts must outlive it.
  explicit VisibleText(std::span<const std::string> stops) : text_(stops) {}

  /// What can be shown now: all before the stop text that is complete first, or before what may become one.
  Shown push(std::string_view text, std::vector<TextLogprob> tokens);
  /// The message has ended: what waits is no stop text.
  Shown flush();
  bool stopped() const { return text_.stopped(); }

 private:
  struct Waiting {
    size_t begin = 0;  ///< in the text that waits
    TextLogprob logprob;
  };
  Shown take(std::string text);

  StopText text_;
  std::vector<Waiting> tokens_;
};

}  // namespace mxpath::openai
