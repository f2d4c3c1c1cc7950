// Text to token ids and back: o200k_harmony, or a model's own byte-level BPE.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mxpath {

using Token = int32_t;

/// Ids of the harmony special tokens in one vocabulary; -1 where the vocabulary has none.
struct SpecialTokens {
  Token start_of_text = -1, end_of_text = -1;           // <|startoftext|> <|endoftext|>
  Token return_ = -1, constrain = -1, channel = -1;     // <|return|> <|constrain|> <|channel|>
  Token start = -1, end = -1, message = -1, call = -1;  // <|start|> <|end|> <|message|> <|call|>
  Token largest = -1;                                   ///< largest id with a text; ids above it cannot be decoded
};

/// A byte-level BPE vocabulary. Immutable and safe to share between threads.
class Tokenizer {
 public:
  /// o200k_harmony, from the data inside this program; needs no file. Same object on every call.
  static Result<std::shared_ptr<const Tokenizer>> builtin();

  /// A Hugging Face tokenizer.json (BPE, byte level; added_tokens; Split pre-tokeniser with its own pattern, merges as
  /// "a b" or ["a","b"]). Errors: every departure from that form, one sentence with the field.
  static Result<std::shared_ptr<const Tokenizer>> from_json(std::string_view json, std::string_view where);

  /// The tokenizer of a model folder: its tokenizer.json, or the built-in one when the folder has none or when the file
  /// is the published o200k_harmony file (then it is not parsed: start-up stays under 0.2 s).
  static Result<std::shared_ptr<const Tokenizer>> for_model(const std::string& folder);

  virtual ~Tokenizer() = default;

  /// Ordinary text: special tokens in it are text too ("<|start|>" gives five ordinary ids). Invalid UTF-8 becomes
  /// U+FFFD first.
  virtual std::vector<Token> encode(std::string_view text) const = 0;
  /// Text in which the literal special tokens stand for themselves. For trusted text only (fixtures, raw prompts).
  virtual std::vector<Token> encode_with_special(std::string_view text) const = 0;
  /// The pieces that the pre-tokeniser cuts, for tests and `inspect`.
  virtual std::vector<std::string> pieces(std::string_view text) const = 0;

  /// The bytes of one token; a special token gives its literal text. Error: an id without a text.
  virtual Result<std::string> token_bytes(Token id) const = 0;
  /// Strict: an id without a text is an error. The bytes may end inside a UTF-8 sequence.
  virtual Result<std::string> decode(std::span<const Token> ids) const = 0;
  /// Lossy: an id without a text is U+FFFD, and invalid UTF-8 becomes U+FFFD, one for each maximal invalid sequence.
  virtual std::string decode_lossy(std::span<const Token> ids) const = 0;

  virtual const SpecialTokens& special() const = 0;
  virtual bool is_special(Token id) const = 0;
  virtual int size() const = 0;                 ///< 1 + largest id
  virtual std::string_view source() const = 0;  ///< "built-in o200k_harmony" or the file
};

/// Puts streamed bytes together to whole UTF-8 characters.
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);  ///< the longest complete part; invalid sequences are U+FFFD
  std::string flush();                       ///< what is left at the end: U+FFFD if a sequence was cut

 private:
  std::string pending_;
};

}  // namespace mxpath
