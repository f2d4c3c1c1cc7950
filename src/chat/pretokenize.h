// Text to pieces: the regular expressions that run before byte-pair merging.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mxpath {

/// o200k_base (tiktoken; the same string as in the published tokenizer.json).
extern const std::string_view o200k_pattern;
/// What Hugging Face's ByteLevel pre-tokeniser uses by itself (GPT-2).
extern const std::string_view gpt2_pattern;

/// A list of regular expressions; each cuts what the one before left. Every match is a piece, and so is what lies
/// between two matches.
class Pretokenizer {
 public:
  Pretokenizer();
  ~Pretokenizer();
  Pretokenizer(Pretokenizer&&) noexcept;
  Pretokenizer& operator=(Pretokenizer&&) noexcept;

  /// Adds a stage. Perl/Oniguruma syntax; classes are Unicode, and \s is White_Space. `literal`: the pattern is plain
  /// text. Errors: not a regular expression, or a construct that the engines read differently (\w, \b, \h …).
  Status add(std::string_view pattern, bool literal, std::string_view where);

  /// Appends the pieces of valid UTF-8; together they are the text. No text is lost: beyond the match limit the rest is
  /// one piece.
  void cut(std::string_view text, std::vector<std::string_view>& pieces) const;

 private:
  struct Stage;
  std::vector<Stage> stages_;
};

}  // namespace mxpath
