// Names in a header as models write them: misspelt, in another case, with marks glued to them.
#pragma once
#include <optional>
#include <string_view>

#include "chat/harmony.h"

namespace mxpath::harmony {

/// A channel that a word names, and what is glued behind the name ("finalFour." is final and "Four."); marks alone are
/// left out.
struct NamedChannel {
  std::string_view channel;  ///< analysis, commentary or final
  std::string_view rest;     ///< a part of the word
  bool may_be_name;          ///< the rest may be letters too many of the name ("finalx")
};

/// The known channel that is meant: in any case, with marks, accents, fullwidth letters or what has no width, a few
/// letters off, cut short, run into other letters, or a word for the same ("thinking"). Null: nobody can know.
std::optional<NamedChannel> nearest_channel(std::string_view word);
/// "channel", "assistant" or "the", which stand beside the name of a channel.
bool is_header_word(std::string_view word);
/// Whether there is a letter or digit of any script.
bool has_letters(std::string_view word);
/// The role that is meant by "User", "user:", "assistent", "human", with marks or accents. Null: none.
std::optional<Role> nearest_role(std::string_view word);
/// A tool by its form alone: functions.NAME, browser.NAME, container.NAME, python.
bool is_tool_name(std::string_view word);

std::string lower_ascii(std::string_view text);

}  // namespace mxpath::harmony
