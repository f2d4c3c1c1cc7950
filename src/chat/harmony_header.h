// The text between <|start|> and <|message|>.
#pragma once
#include <optional>
#include <string>

#include "chat/harmony.h"

namespace mxpath::harmony {

/// Reads a header as the parser of openai/harmony does. In `text` the special tokens stand as their literal texts.
/// `preset`: a role that the prompt gave.
Result<Message> parse_header(std::string text, std::optional<Role> preset);

/// What stood before a header: that says whether a word in it can be a role.
struct HeaderPlace {
  std::optional<Role> role;  ///< given: by the prompt, or by a message that goes on in another channel
  bool after_start = false;  ///< <|start|>: the first word is the role; without, it must be one exactly
};
/// What came after it, or that nothing did yet, or that nothing will.
enum class HeaderEnd { open, message, channel, call, cut, other };

struct LossyHeader {
  bool is_content = false;  ///< open: it can be no header any more; what is no header word is the content
  Message message;          ///< content: the text that stands in the header and is no header word
  std::string sentence;     ///< ended by <|message|>: text among the words, a message of its own on the same channel
                            ///< before this one
};

/// The longest header that is taken for one: a recipient of 64 letters with everything that can stand beside it.
inline constexpr size_t longest_header = 160;

/// A header as models really write it; docs/harmony.md has the rules. Never fails, loses no text and takes no text for
/// a call.
LossyHeader read_lossy_header(std::string_view text, HeaderPlace place, HeaderEnd end);

}  // namespace mxpath::harmony
