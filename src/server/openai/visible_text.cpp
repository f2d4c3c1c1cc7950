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

// The one that ends first, however the text was cut into pieces; of those that end together the longest.
std::optional<size_t> VisibleText::find_stop() const {
  std::optional<size_t> begin;
  size_t end = 0;
  for (const std::string& stop : stops_) {
    const size_t at = waiting_.find(stop);
    if (at == std::string::npos) continue;
    const size_t its_end = at + stop.size();
    if (begin && (its_end > end || (its_end == end && at > *begin))) continue;
    begin = at;
    end = its_end;
  }
  return begin;
}

// Without the longest end that some stop text begins with.
size_t VisibleText::safe_length() const {
  size_t held = 0;
  for (const std::string& stop : stops_)
    for (size_t n = std::min(stop.size() - 1, waiting_.size()); n > held; --n)
      if (waiting_.ends_with(std::string_view(stop).substr(0, n))) held = n;
  return waiting_.size() - held;
}

VisibleText::Shown VisibleText::take(size_t bytes) {
  Shown shown;
  shown.text = waiting_.substr(0, bytes);
  waiting_.erase(0, bytes);
  const auto later = std::ranges::find_if(tokens_, [&](const Waiting& token) { return token.begin >= bytes; });
  for (auto token = tokens_.begin(); token != later; ++token) shown.logprobs.push_back(std::move(token->logprob));
  tokens_.erase(tokens_.begin(), later);
  for (Waiting& token : tokens_) token.begin -= bytes;
  return shown;
}

VisibleText::Shown VisibleText::push(std::string_view text, std::vector<TextLogprob> tokens) {
  if (stopped_) return {};
  size_t begin = waiting_.size();
  waiting_ += text;
  for (TextLogprob& token : tokens) {
    const size_t bytes = token.bytes.size();
    tokens_.push_back({std::min(begin, waiting_.size() - 1), std::move(token)});
    begin += bytes;
  }
  if (const auto stop = find_stop()) {
    stopped_ = true;
    return take(*stop);
  }
  return take(safe_length());
}

VisibleText::Shown VisibleText::flush() { return stopped_ ? Shown() : take(waiting_.size()); }

}  // namespace mxpath::openai
