#include "app/answer_builder.h"

#include <algorithm>
#include <utility>

namespace mxpath {

AnswerFormat harmony_format(const Tokenizer& tokenizer) {
  return {true, harmony::stop_tokens(tokenizer), tokenizer.special().largest};
}

AnswerFormat raw_format(std::span<const Token> stop_tokens) {
  return {false, {stop_tokens.begin(), stop_tokens.end()}, -1};
}

AnswerBuilder::AnswerBuilder(const Tokenizer& tokenizer, AnswerFormat format,
                             std::function<void(const Delta&)> on_delta, UnknownText unknown)
    : tokenizer_(tokenizer), format_(std::move(format)), on_delta_(std::move(on_delta)) {
  if (format_.harmony) stream_.emplace(tokenizer, on_delta_, unknown);
}

void AnswerBuilder::report(const std::string& text, bool last) {
  const bool first = !std::exchange(begun_, true);
  if (on_delta_ && (first || last || !text.empty())) on_delta_({"", "", text, first, last, heard_});
}

bool AnswerBuilder::hear(Token token) {
  ++heard_;
  if (stream_) {
    stream_->push(token);
    return over_ = stream_->turn_over();
  }
  over_ = std::ranges::count(format_.stop_tokens, token) > 0;
  if (over_) return true;
  const auto bytes = tokenizer_.token_bytes(token);
  report(bytes.ok() ? text_.push(*bytes) : text_.flush() + "\uFFFD", false);
  return false;
}

void AnswerBuilder::finish(Answer& answer) {
  if (over_) answer.generation.reason = EndReason::stop_token;
  if (stream_) return take_messages(answer, *stream_);
  report(text_.flush(), true);
  const std::vector<Token>& tokens = answer.generation.tokens;
  answer.text = tokenizer_.decode_lossy(std::span(tokens).first(tokens.size() - (over_ ? 1 : 0)));
}

}  // namespace mxpath
