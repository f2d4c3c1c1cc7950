#include "chat/added_tokens.h"

#include <algorithm>

namespace mxpath {

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    by_id_.try_emplace(tokens_[i].id, i);
    by_first_byte_[static_cast<uint8_t>(tokens_[i].text[0])].push_back(i);
    largest_ = std::max(largest_, tokens_[i].id);
  }
  for (auto& bucket : by_first_byte_)
    std::stable_sort(bucket.begin(), bucket.end(),
                     [&](uint32_t a, uint32_t b) { return tokens_[a].text.size() > tokens_[b].text.size(); });
}

const AddedToken* AddedTokens::find(Token id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

Token AddedTokens::special(std::string_view text) const {
  const auto found =
      std::find_if(tokens_.begin(), tokens_.end(), [&](const AddedToken& t) { return t.special && t.text == text; });
  return found == tokens_.end() ? -1 : found->id;
}

}  // namespace mxpath
