// Regular expressions (PCRE2 with JIT) on normalised log text.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mxpath::diagnose {

/// Where a pattern matched, and its groups.
struct PatternMatch {
  size_t begin = 0, end = 0;
  std::vector<std::string> groups;  ///< [0] is the first group; unset groups are empty
  std::vector<size_t> ends;         ///< where each group ends in the text; 0 for an unset one
};

/// A compiled pattern. Case-insensitive, `.` matches line ends, a space in the pattern matches any amount of white
/// space, none included.
class Pattern {
 public:
  static Result<Pattern> compile(std::string_view pattern);

  /// False also when the match would need more than a bounded number of steps.
  bool find(std::string_view text, PatternMatch& match) const;

 private:
  std::shared_ptr<void> code_;
};

/// Text as patterns see it: quotes, backslashes and box-drawing characters removed, control characters turned into
/// spaces.
std::string normalised(std::string_view text);

}  // namespace mxpath::diagnose
