// Byte strings of tokens by id, and ids by byte string.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/tokenizer.h"

namespace mxpath {

/// Ids with their bytes. The bytes lie in one block: a part of the program, or a block that the vocabulary owns.
class Vocabulary {
 public:
  static constexpr Token id_limit = 1 << 22;  ///< ids are smaller; the table packs an id and 8 hash bits into 32 bits

  Vocabulary() = default;
  /// Texts will be parts of `bytes`, which outlives the vocabulary.
  explicit Vocabulary(std::string_view bytes) : bytes_(bytes) {}
  /// Texts will be parts of `bytes`, which moves in.
  explicit Vocabulary(std::vector<char> bytes) : owned_(std::move(bytes)), bytes_(owned_.data(), owned_.size()) {}

  // Views into owned_ survive a move of the vector, not a copy.
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  /// Makes room: ids below `size`, `entries` of them searchable.
  void reserve(Token size, size_t entries);
  /// Gives an id its text, bytes [offset, offset + length) of the block; `searchable` lets find() see it.
  /// Returns false if the id has a text already, or the text an id.
  bool add(Token id, size_t offset, size_t length, bool searchable);

  /// The id of a text, -1 if none.
  Token find(std::string_view text) const;
  /// Empty if the id has no text.
  std::string_view text(Token id) const {
    if (id < 0 || static_cast<size_t>(id) >= spans_.size()) return {};
    return bytes_.substr(spans_[id].offset, spans_[id].length);
  }
  Token size() const { return static_cast<Token>(spans_.size()); }

 private:
  struct Span {
    uint32_t offset = 0, length = 0;
  };

  std::vector<char> owned_;
  std::string_view bytes_;
  std::vector<Span> spans_;
  std::vector<uint32_t> table_;  // open addressing; 0 empty, else (id + 1) << 8 | hash bits
  size_t longest_ = 0;
};

/// The embedded file: for each rank a length byte and the bytes.
std::string_view packed_o200k_base();

/// Ranks 0, 1, 2 … from the packed form. Error: the data ends inside a token, or holds one twice.
Result<Vocabulary> unpack_ranks(std::string_view packed);

}  // namespace mxpath
