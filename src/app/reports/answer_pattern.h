// Which answers count as right: a regular expression (PCRE2) per problem.
#pragma once
#include <memory>
#include <string_view>

#include "base/result.h"

namespace mxpath {

class AnswerPattern {
 public:
  /// Text is UTF-8; `$` is the end of it alone. Error: not a regular expression, and at which character.
  static Result<AnswerPattern> compile(std::string_view pattern);

  /// Whether the pattern is anywhere in a text. Error: deciding that would take more than a bounded number of steps.
  Result<bool> is_in(std::string_view text) const;

 private:
  std::shared_ptr<const void> code_;
};

}  // namespace mxpath
