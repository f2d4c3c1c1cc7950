// What a byte-level BPE tokenizer is made of; builtin(), from_json() and tests put these together.
#pragma once
#include <string>
#include <vector>

#include "chat/bpe.h"
#include "chat/pretokenize.h"
#include "chat/vocabulary.h"

namespace mxpath {

/// A literal string that stands for one id. `special`: only in trusted text; otherwise in all text.
struct AddedToken {
  std::string text;
  Token id = -1;
  bool special = true;
};

struct TokenizerParts {
  Vocabulary vocabulary;
  Merges merges;
  Pretokenizer pretokenizer;
  std::vector<AddedToken> added;   // the first text of an id is the one that it decodes to
  bool whole_pieces_first = true;  // a piece that is a token needs no merges (ignore_merges)
  std::string source;
};

std::shared_ptr<const Tokenizer> make_tokenizer(TokenizerParts parts);

/// The parts of o200k_harmony.
Result<TokenizerParts> builtin_parts();
/// The parts in a tokenizer.json; `where` starts every error.
Result<TokenizerParts> parse_tokenizer_json(std::string_view json, std::string_view where);

}  // namespace mxpath
