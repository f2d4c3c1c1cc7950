#include "chat/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/text.h"

namespace mxpath {
namespace {

uint64_t mix(uint64_t x) {
  x *= 0x9e3779b97f4a7c15;
  return x ^ (x >> 32);
}

// Eight bytes at a time: most tokens are shorter than that.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = text.size();
  while (text.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, text.data(), 8);
    hash = mix(hash ^ word);
    text.remove_prefix(8);
  }
  uint64_t rest = 0;
  for (size_t i = 0; i < text.size(); ++i) rest |= static_cast<uint64_t>(static_cast<uint8_t>(text[i])) << (8 * i);
  return mix(mix(hash ^ rest));
}

}  // namespace

void Vocabulary::reserve(Token size, size_t entries) {
  spans_.resize(static_cast<size_t>(size));
  table_.assign(std::bit_ceil(std::max<size_t>(2 * entries, 16)), 0);
}

bool Vocabulary::add(Token id, size_t offset, size_t length, bool searchable) {
  Span& span = spans_[id];
  if (span.length != 0) return false;
  const std::string_view text = bytes_.substr(offset, length);
  if (searchable) {
    const uint64_t hash = hash_of(text);
    const size_t mask = table_.size() - 1;
    size_t slot = hash & mask;
    for (; table_[slot] != 0; slot = (slot + 1) & mask)
      if (table_[slot] % 256 == hash >> 56 && this->text(static_cast<Token>(table_[slot] >> 8) - 1) == text)
        return false;
    table_[slot] = static_cast<uint32_t>(id + 1) << 8 | static_cast<uint32_t>(hash >> 56);
    longest_ = std::max(longest_, length);
  }
  span = {static_cast<uint32_t>(offset), static_cast<uint32_t>(length)};
  return true;
}

Token Vocabulary::find(std::string_view text) const {
  if (text.empty() || text.size() > longest_) return -1;
  const uint64_t hash = hash_of(text);
  const size_t mask = table_.size() - 1;
  for (size_t slot = hash & mask; table_[slot] != 0; slot = (slot + 1) & mask) {
    if (table_[slot] % 256 != hash >> 56) continue;
    const Token id = static_cast<Token>(table_[slot] >> 8) - 1;
    if (this->text(id) == text) return id;
  }
  return -1;
}

Result<Vocabulary> unpack_ranks(std::string_view packed) {
  size_t tokens = 0, at = 0;
  for (; at < packed.size(); ++tokens) at += 1 + static_cast<uint8_t>(packed[at]);
  if (at != packed.size() || tokens >= Vocabulary::id_limit)
    return fail("the vocabulary data is cut after {} tokens; build the program again", tokens);
  Vocabulary vocabulary(packed);
  vocabulary.reserve(static_cast<Token>(tokens), tokens);
  at = 0;
  for (Token id = 0; at < packed.size(); ++id) {
    const size_t length = static_cast<uint8_t>(packed[at]);
    if (length == 0 || !vocabulary.add(id, at + 1, length, true))
      return fail("the vocabulary data is damaged at token {}; build the program again", id);
    at += 1 + length;
  }
  return vocabulary;
}

}  // namespace mxpath
