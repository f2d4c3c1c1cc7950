// What the compiler of grammars finds wrong, in our words.
#pragma once
#include <string>
#include <string_view>

namespace mxpath::grammar {

struct CompilerWords {
  std::string fault;   ///< "a ')' closes no group, at character 3"
  std::string remedy;  ///< "leave it out, or write \) for the character itself"
};

/// Of a message of the compiler, or of xgrammar_body.cpp. with_place: the message counts in what the caller wrote, and
/// not in what was made of it. A message that is not known has a fault and a remedy that fit any.
CompilerWords compiler_words(std::string_view message, bool with_place);

}  // namespace mxpath::grammar
