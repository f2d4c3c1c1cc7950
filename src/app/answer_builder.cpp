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
    : tokenizer_(tokenizer),
      format_(std::move(format)),
      on_delta_(std::move(on_delta)),
      sink_([this](const Delta& delta) { take(delta); }),
      visible_(format_.stops) {
  if (!format_.harmony) return;
  if (format_.stops.empty()) stream_.emplace(tokenizer, on_delta_, unknown);
  else stream_.emplace(tokenizer, sink_, unknown);
}

void AnswerBuilder::take(const Delta& delta) {
  if (visible_.stopped()) return;
  if (delta.begins) visible_ = StopText(format_.stops);
  if (!is_for_user(delta.channel, delta.recipient)) {
    if (on_delta_) on_delta_(delta);
    return;
  }
  std::string text = visible_.push(delta.text);
  if (delta.ends) text += visible_.flush();
  const bool ends = delta.ends || visible_.stopped();
  if (on_delta_ && (delta.begins || ends || !text.empty()))
    on_delta_({delta.channel, delta.recipient, text, delta.begins, ends, delta.tokens});
}

void AnswerBuilder::report(const std::string& text, bool last) {
  if (visible_.stopped()) return;
  take({"", "", text, !std::exchange(begun_, true), last, heard_});
}

bool AnswerBuilder::hear(Token token) {
  ++heard_;
  if (stream_) {
    stream_->push(token);
    return over_ = stream_->turn_over() || visible_.stopped();
  }
  over_ = stop_token_ = std::ranges::count(format_.stop_tokens, token) > 0;
  if (over_) return true;
  const auto bytes = tokenizer_.token_bytes(token);
  report(bytes.ok() ? text_.push(*bytes) : text_.flush() + "\uFFFD", false);
  return over_ = visible_.stopped();
}

void AnswerBuilder::finish(Answer& answer) {
  if (stream_) {
    take_messages(answer, *stream_, format_.stops);
  } else {
    report(text_.flush(), true);
    const std::vector<Token>& tokens = answer.generation.tokens;
    answer.text = tokenizer_.decode_lossy(std::span(tokens).first(tokens.size() - (stop_token_ ? 1 : 0)));
    if (const auto stop = find_stop(answer.text, format_.stops)) answer.text.resize(*stop);
  }
  if (over_ || visible_.stopped()) answer.generation.reason = EndReason::stop_token;
}

}  // namespace mxpath
