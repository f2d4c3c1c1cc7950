// The text between <|start|> and <|message|>.
#pragma once
#include <optional>
#include <string>

#include "chat/harmony.h"

namespace mxpath::harmony {

/// As the parser of openai/harmony reads it. In `text` the special tokens stand as their literal texts. `preset`: a role that the prompt
/// gave.
Result<Message> parse_header(std::string text, std::optional<Role> preset);

/// The same for what models really write: several channels (the last counts), "to=assistant" on the assistant's own message, a content type
/// without a recipient, words too many, no role. Never fails.
Message parse_header_lossy(std::string text, std::optional<Role> preset);

/// A header that ended without <|message|>: what is not role, channel, recipient or content type is the content.
Message parse_headless(std::string text, std::optional<Role> preset);

}  // namespace mxpath::harmony
