#include "server/openai/visible_text.h"

#include <algorithm>

namespace mxpath::openai {

std::string TokenTrail::bytes_of(Token token) const {
  auto bytes = tokenizer_.token_bytes(token);
  return bytes.ok() ? std::move(*bytes) : "\uFFFD";
}

void TokenTrail::add(Token token, float logprob, std::span<const std::pair<Token, float>> top) {
  Heard heard = {.text = special_is_text_ || !tokenizer_.is_special(token), .logprob = {}};
  heard.logprob.bytes = bytes_of(token);
  heard.logprob.logprob = logprob;
  heard.logprob.token = token;
  for (const auto& [id, likelihood] : top)
    if (id >= 0) heard.logprob.top.emplace_back(bytes_of(id), likelihood);
  heard_.push_back(std::move(heard));
}

std::vector<TextLogprob> TokenTrail::take(size_t end, size_t bytes) {
  const size_t known = std::min(end > forgotten_ ? end - forgotten_ : 0, heard_.size());
  size_t last = known;
  // The token that completes a text may be the marker behind it.
  if (last > 0 && !heard_[last - 1].text) --last;
  size_t first = last, found = 0;
  while (first > 0 && heard_[first - 1].text && found < bytes) found += heard_[--first].logprob.bytes.size();
  std::vector<TextLogprob> out;
  for (size_t i = first; i < last; ++i) out.push_back(std::move(heard_[i].logprob));
  if (bytes == 0 && last == known) return {};  // text of these tokens is still to come
  heard_.erase(heard_.begin(), heard_.begin() + static_cast<std::ptrdiff_t>(known));
  forgotten_ += known;
  return out;
}

VisibleText::Shown VisibleText::take(std::string text) {
  Shown shown{.text = std::move(text), .logprobs = {}};
  const size_t bytes = shown.text.size();
  const auto later = std::ranges::find_if(tokens_, [&](const Waiting& token) { return token.begin >= bytes; });
  for (auto token = tokens_.begin(); token != later; ++token) shown.logprobs.push_back(std::move(token->logprob));
  tokens_.erase(tokens_.begin(), later);
  for (Waiting& token : tokens_) token.begin -= bytes;
  return shown;
}

VisibleText::Shown VisibleText::push(std::string_view text, std::vector<TextLogprob> tokens) {
  if (stopped()) return {};
  size_t begin = text_.waiting();
  const size_t all = begin + text.size();
  for (TextLogprob& token : tokens) {
    const size_t bytes = token.bytes.size();
    tokens_.push_back({std::min(begin, all - 1), std::move(token)});
    begin += bytes;
  }
  return take(text_.push(text));
}

VisibleText::Shown VisibleText::flush() { return stopped() ? Shown() : take(text_.flush()); }

}  // namespace mxpath::openai
