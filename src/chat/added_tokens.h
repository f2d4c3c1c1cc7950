// Finding literal tokens in text.
#pragma once
#include <array>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/tokenizer_parts.h"

namespace mxpath {

/// Leftmost, longest matches of literal token texts.
class AddedTokens {
 public:
  explicit AddedTokens(std::vector<AddedToken> tokens);

  /// Cuts the text at the tokens: calls ordinary(text) and token(id) in the order of the text. Without `specials` they
  /// are text.
  template <class Ordinary, class Literal>
  void cut(std::string_view text, bool specials, Ordinary ordinary, Literal literal) const {
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
      const AddedToken* token = match(text.substr(at), specials);
      if (!token) {
        ++at;
        continue;
      }
      if (at > done) ordinary(text.substr(done, at - done));
      literal(token->id);
      done = at += token->text.size();
    }
    if (done < text.size()) ordinary(text.substr(done));
  }

  /// Null if the id is not an added token.
  const AddedToken* find(Token id) const;
  /// -1 if there is no special token with this text.
  Token special(std::string_view text) const;
  Token largest() const { return largest_; }

 private:
  const AddedToken* match(std::string_view text, bool specials) const {
    for (const uint32_t index : by_first_byte_[static_cast<uint8_t>(text[0])])
      if (const AddedToken& token = tokens_[index]; (specials || !token.special) && text.starts_with(token.text))
        return &token;
    return nullptr;
  }

  std::vector<AddedToken> tokens_;
  std::array<std::vector<uint32_t>, 256> by_first_byte_;  // longest first
  std::unordered_map<Token, uint32_t> by_id_;
  Token largest_ = -1;
};

}  // namespace mxpath
