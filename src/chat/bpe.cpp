#include "chat/bpe.h"

#include <algorithm>
#include <bit>

namespace mxpath {
namespace {

// A piece longer than this is cut: indexes have 32 bits.
constexpr size_t longest_piece = size_t{1} << 30;

uint64_t pair_of(Token left, Token right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

void Merges::reserve(size_t count) {
  table_.assign(std::bit_ceil(std::max<size_t>(2 * count, 16)), Slot{});
  listed_ = true;
}

size_t Merges::slot_of(uint64_t pair) const {
  const size_t mask = table_.size() - 1;
  const uint64_t hash = pair * 0x9e3779b97f4a7c15;
  size_t slot = (hash ^ (hash >> 32)) & mask;
  while (table_[slot].pair != pair && table_[slot].pair != UINT64_MAX) slot = (slot + 1) & mask;
  return slot;
}

bool Merges::add(Token left, Token right, Token result) {
  Slot& slot = table_[slot_of(pair_of(left, right))];
  if (slot.merge.exists()) return false;
  slot = {pair_of(left, right), {count_++, result}};
  return true;
}

Merge Merges::find(const Vocabulary& vocabulary, Token left, Token right, std::string_view joined) const {
  if (listed_) return table_[slot_of(pair_of(left, right))].merge;
  const Token id = vocabulary.find(joined);
  return id < 0 ? Merge{} : Merge{static_cast<uint32_t>(id), id};
}

void PieceEncoder::encode(std::string_view piece, std::vector<Token>& out) {
  for (; piece.size() > longest_piece; piece.remove_prefix(longest_piece))
    merge_all(piece.substr(0, longest_piece), out);
  const Token whole = whole_pieces_first_ ? vocabulary_.find(piece) : -1;
  if (whole >= 0) out.push_back(whole);
  else merge_all(piece, out);
}

void PieceEncoder::merge_all(std::string_view piece, std::vector<Token>& out) {
  symbols_.clear();
  heap_.clear();
  const auto count = static_cast<int32_t>(piece.size());
  for (int32_t i = 0; i < count; ++i)
    symbols_.push_back({vocabulary_.find(piece.substr(static_cast<size_t>(i), 1)), static_cast<uint32_t>(i), 1, i - 1,
                        i + 1 < count ? i + 1 : -1});
  for (int32_t i = 0; i + 1 < count; ++i) consider(piece, i);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end());
    const Candidate candidate = heap_.back();
    heap_.pop_back();
    apply(piece, candidate);
  }
  for (int32_t i = count > 0 ? 0 : -1; i >= 0; i = symbols_[i].next) out.push_back(symbols_[i].id);
}

void PieceEncoder::consider(std::string_view piece, int32_t left) {
  const Symbol& a = symbols_[left];
  if (a.next < 0) return;
  const Symbol& b = symbols_[a.next];
  const Merge merge = merges_.find(vocabulary_, a.id, b.id, piece.substr(a.offset, a.length + b.length));
  if (!merge.exists()) return;
  heap_.push_back({merge.rank, left, a.id, b.id, merge.result});
  std::push_heap(heap_.begin(), heap_.end());
}

void PieceEncoder::apply(std::string_view piece, const Candidate& candidate) {
  Symbol& a = symbols_[candidate.left];
  // A candidate is stale once either side was merged into something else; a swallowed symbol has length 0.
  if (a.length == 0 || a.next < 0 || a.id != candidate.left_id || symbols_[a.next].id != candidate.right_id) return;
  Symbol& b = symbols_[a.next];
  a.id = candidate.result;
  a.length += b.length;
  a.next = b.next;
  b.length = 0;
  if (a.next >= 0) symbols_[a.next].previous = candidate.left;
  if (a.previous >= 0) consider(piece, a.previous);
  consider(piece, candidate.left);
}

}  // namespace mxpath
