#include "grammar/token_table.h"

#include <algorithm>

namespace mxpath::grammar {

bool is_empty(std::span<const uint32_t> mask) {
  return std::all_of(mask.begin(), mask.end(), [](uint32_t word) { return word == 0; });
}

TokenTable::TokenTable(const Tokenizer& tokenizer, int vocab) : vocab_(vocab) {
  const int known = std::min(vocab, tokenizer.size());
  ends_.reserve(known + 1);
  ends_.push_back(0);
  ordinary_.assign(words(), 0);
  for (Token id = 0; id < known; ++id) {
    if (!tokenizer.is_special(id))
      if (Result<std::string> text = tokenizer.token_bytes(id); text.ok()) bytes_ += *text;
    ends_.push_back(static_cast<uint32_t>(bytes_.size()));
    if (ends_[id] == ends_[id + 1]) continue;
    order_.push_back(id);
    allow(ordinary_, id);
  }
  std::sort(order_.begin(), order_.end(), [this](Token a, Token b) { return text(a) < text(b); });
}

std::string_view TokenTable::text(Token id) const {
  if (id < 0 || static_cast<size_t>(id) + 1 >= ends_.size()) return {};
  return std::string_view(bytes_).substr(ends_[id], ends_[id + 1] - ends_[id]);
}

TokenTable::Range TokenTable::narrowed(Range range, uint8_t byte) const {
  // A text that ends here sorts before all that go on: its next byte counts as -1.
  const auto next = [&](Token id) {
    const std::string_view bytes = text(id);
    return bytes.size() > range.length ? static_cast<uint8_t>(bytes[range.length]) : -1;
  };
  const auto from = order_.begin() + range.begin;
  const auto to = order_.begin() + range.end;
  const auto low = std::partition_point(from, to, [&](Token id) { return next(id) < byte; });
  const auto high = std::partition_point(low, to, [&](Token id) { return next(id) <= byte; });
  return {static_cast<uint32_t>(low - order_.begin()), static_cast<uint32_t>(high - order_.begin()), range.length + 1};
}

}  // namespace mxpath::grammar
