// The texts of a vocabulary in order, and sets of ids as bits.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/tokenizer.h"

namespace mxpath::grammar {

/// One bit for each id; words as SampleChoice::mask wants them.
using TokenMask = std::vector<uint32_t>;

inline void allow(TokenMask& mask, Token id) {
  if (id >= 0 && static_cast<size_t>(id) / 32 < mask.size()) mask[id / 32] |= 1u << (id % 32);
}
inline void forbid(TokenMask& mask, Token id) {
  if (id >= 0 && static_cast<size_t>(id) / 32 < mask.size()) mask[id / 32] &= ~(1u << (id % 32));
}
inline bool allows(std::span<const uint32_t> mask, Token id) {
  return id >= 0 && static_cast<size_t>(id) / 32 < mask.size() && (mask[id / 32] >> (id % 32) & 1u);
}
bool is_empty(std::span<const uint32_t> mask);

/// Byte strings of the ids that are ordinary text, sorted, so that the ids that continue a prefix are one range.
class TokenTable {
 public:
  /// vocab: ids below it have a bit in a mask.
  TokenTable(const Tokenizer& tokenizer, int vocab);

  /// Ids whose texts begin with what led here: places [begin, end) of the order.
  struct Range {
    uint32_t begin = 0, end = 0;
    uint32_t length = 0;  ///< bytes that all of them share
    bool empty() const { return begin == end; }
  };
  Range all() const { return {0, static_cast<uint32_t>(order_.size()), 0}; }
  Range narrowed(Range range, uint8_t byte) const;
  /// The ids of a range that have no further byte.
  template <class Take>
  void for_exact(Range range, Take take) const {
    for (uint32_t i = range.begin; i < range.end && text(order_[i]).size() == range.length; ++i) take(order_[i]);
  }

  /// Empty: the id is special, or has no text.
  std::string_view text(Token id) const;
  int vocab() const { return vocab_; }
  size_t words() const { return (static_cast<size_t>(vocab_) + 31) / 32; }
  /// All ids that are ordinary text.
  const TokenMask& ordinary() const { return ordinary_; }

 private:
  int vocab_;
  std::string bytes_;
  std::vector<uint32_t> ends_;  // by id: where its text ends in bytes_, and the next begins
  std::vector<Token> order_;
  TokenMask ordinary_;
};

}  // namespace mxpath::grammar
