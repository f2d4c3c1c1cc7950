// Byte-pair merging of one piece.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "chat/tokenizer.h"
#include "chat/vocabulary.h"

namespace mxpath {

/// What two neighbouring tokens become, and how urgent that is (the lowest rank first).
struct Merge {
  uint32_t rank = UINT32_MAX;
  Token result = -1;
  bool exists() const { return result >= 0; }
};

/// Which neighbours merge. Empty: any two whose bytes together are a token, its id being the rank (tiktoken's rule).
class Merges {
 public:
  void reserve(size_t count);
  /// Rank = number of calls before. Returns false if the pair has a merge already.
  bool add(Token left, Token right, Token result);
  /// `joined`: the bytes of both.
  Merge find(const Vocabulary& vocabulary, Token left, Token right, std::string_view joined) const;

 private:
  struct Slot {
    uint64_t pair = UINT64_MAX;
    Merge merge;
  };
  size_t slot_of(uint64_t pair) const;

  std::vector<Slot> table_;  // open addressing, at most half full
  uint32_t count_ = 0;
  bool listed_ = false;  // reserve() was called: only listed pairs merge
};

/// Cuts pieces into tokens; keeps its working memory from piece to piece. Time: n log n for n bytes.
class PieceEncoder {
 public:
  PieceEncoder(const Vocabulary& vocabulary, const Merges& merges, bool whole_pieces_first)
      : vocabulary_(vocabulary), merges_(merges), whole_pieces_first_(whole_pieces_first) {}

  /// Appends the tokens of a piece. Every single byte is in the vocabulary.
  void encode(std::string_view piece, std::vector<Token>& out);

 private:
  struct Symbol {
    Token id;
    uint32_t offset, length;
    int32_t previous, next;
  };
  struct Candidate {
    uint32_t rank;
    int32_t left;  // index of a symbol
    Token left_id, right_id, result;
    bool operator<(const Candidate& other) const { return rank != other.rank ? rank > other.rank : left > other.left; }
  };

  void merge_all(std::string_view piece, std::vector<Token>& out);
  void consider(std::string_view piece, int32_t left);
  void apply(std::string_view piece, const Candidate& candidate);

  const Vocabulary& vocabulary_;
  const Merges& merges_;
  bool whole_pieces_first_;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;  // std::push_heap: the most urgent, leftmost candidate on top
};

}  // namespace mxpath
