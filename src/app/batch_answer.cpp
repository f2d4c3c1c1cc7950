#include "app/batch_answer.h"

#include <algorithm>

namespace mxpath {
namespace {

/// Where the first of the stops begins in a text; npos: none is in it.
size_t first_stop(std::string_view text, const std::vector<std::string>& stops, size_t from = 0) {
  size_t first = text.npos;
  for (const std::string& stop : stops) first = std::min(first, text.find(stop, from));
  return first;
}

}  // namespace

BatchAnswer::BatchAnswer(BatchQuestion question, const Tokenizer& tokenizer)
    : question_(std::move(question)), tokenizer_(tokenizer) {
  sink_ = [this](const Delta& delta) {
    if (is_for_user(delta.channel, delta.recipient)) say(delta.text);
  };
  if (question_.harmony) stream_.emplace(tokenizer, sink_);
}

void BatchAnswer::say(std::string_view text) {
  size_t longest = 0;
  for (const std::string& stop : question_.stop) longest = std::max(longest, stop.size());
  const size_t from = said_.size() - std::min(said_.size(), longest);
  said_ += text;
  stop_said_ |= first_stop(said_, question_.stop, from) != std::string::npos;
}

bool BatchAnswer::hear(Token token) {
  tokens_.push_back(token);
  if (stream_) {
    stream_->push(token);
    return stop_said_ || stream_->turn_over();
  }
  const auto bytes = tokenizer_.token_bytes(token);
  say(bytes.ok() ? raw_.push(*bytes) : raw_.flush() + "\uFFFD");
  return stop_said_;
}

void BatchAnswer::cut(std::string& text) const { text.resize(std::min(text.size(), first_stop(text, question_.stop))); }

Answer BatchAnswer::parsed(const Ended& end) {
  Answer answer;
  answer.generation.reason = end.reason;
  if (stream_) {
    if (stream_->turn_over()) answer.generation.reason = EndReason::stop_token;
    take_messages(answer, *stream_);
    for (auto& message : answer.messages)
      if (is_for_user(message.channel, message.recipient)) cut(message.content);
  } else {
    const size_t stop = end.reason == EndReason::stop_token && !tokens_.empty() ? 1 : 0;
    answer.text = tokenizer_.decode_lossy(std::span(tokens_).first(tokens_.size() - stop));
  }
  cut(answer.text);
  if (stop_said_) answer.generation.reason = EndReason::stop_token;
  return answer;
}

Json BatchAnswer::result(const Ended& end) {
  const Answer answer = parsed(end);
  Json out = {{"text", answer.text}};
  if (question_.harmony) {
    out["analysis"] = answer.analysis, out["messages"] = to_json(answer.messages);
    out["reasoning_tokens"] = answer.reasoning_tokens;
  } else {
    out["tokens"] = tokens_;
  }
  out["stop_reason"] = stop_reason(answer);
  out["prompt_tokens"] = end.prompt_tokens, out["new_tokens"] = end.new_tokens;
  out["seed"] = question_.sampling.seed;
  return out;
}

}  // namespace mxpath
