// Headers as openai/harmony reads them.
#include "chat/harmony_header.h"

#include <algorithm>

#include "base/text.h"

namespace mxpath::harmony {
namespace {

constexpr std::string_view channel_marker = "<|channel|>";
constexpr std::string_view constrain_marker = "<|constrain|>";
constexpr std::string_view spaces = " \t\n\v\f\r";

// Cuts the first channel out of the text. Null: there is no marker.
std::optional<std::string> take_channel(std::string& text) {
  const size_t begin = text.find(channel_marker);
  if (begin == std::string::npos) return {};
  const size_t name = begin + channel_marker.size();
  const size_t end = std::min(text.find_first_of(" \t\n\v\f\r<", name), text.size());
  std::string channel = text.substr(name, end - name);
  text.erase(begin, end - begin);
  return channel;
}

std::vector<std::string> words_of(const std::string& text) {
  std::string spaced;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text.compare(at, constrain_marker.size(), constrain_marker) == 0) spaced += ' ';
    spaced += text[at];
  }
  std::vector<std::string> words;
  for (size_t begin = spaced.find_first_not_of(spaces), end; begin != std::string::npos;
       begin = spaced.find_first_not_of(spaces, end)) {
    end = std::min(spaced.find_first_of(spaces, begin), spaced.size());
    words.push_back(spaced.substr(begin, end - begin));
  }
  return words;
}

bool is_recipient(std::string_view word) { return word.starts_with("to="); }
std::string without_to(const std::string& word) { return is_recipient(word) ? word.substr(3) : word; }

// "user", or "user:alice".
bool take_role(std::string_view word, Message& message) {
  const size_t colon = word.find(':');
  const std::optional<Role> role = parse_role(word.substr(0, colon));
  if (!role) return false;
  message.role = *role;
  if (colon != std::string_view::npos) message.author_name = word.substr(colon + 1);
  return true;
}

Status take_author(std::vector<std::string>& words, Message& message) {
  if (words.empty()) return fail("a message header has no role");
  if (!take_role(words[0], message)) {
    if (words.size() == 1 && !is_recipient(words[0]))
      return fail("a message header has the unknown role \"{}\"", printable(words[0]));
    message.role = Role::tool;
    message.author_name = words[0];
  }
  words.erase(words.begin());
  return {};
}

// The last word is the recipient if it says so or stands alone; otherwise it is the content type and the word before
// the recipient.
void take_recipient(std::vector<std::string>& words, Message& message) {
  if (words.empty()) return;
  if (words.size() > 1 && !is_recipient(words.back())) {
    message.content_type = words.back();
    words.pop_back();
  }
  message.recipient = without_to(words.back());
  words.pop_back();
}

}  // namespace

Result<Message> parse_header(std::string text, std::optional<Role> preset) {
  Message message;
  if (std::optional<std::string> channel = take_channel(text)) {
    if (channel->empty()) return fail("a message header has no channel after <|channel|>");
    message.channel = std::move(*channel);
  }
  if (text.find(channel_marker) != std::string::npos) return fail("a message header has <|channel|> twice");
  std::vector<std::string> words = words_of(text);
  if (!preset) MXPATH_CHECK(take_author(words, message));
  if (preset) message.role = *preset;
  if (!words.empty() && words[0] == name_of(message.role)) words.erase(words.begin());
  take_recipient(words, message);
  if (!words.empty())
    return fail("a message header has unexpected words: \"{}\"", printable(fmt::format("{}", fmt::join(words, " "))));
  return message;
}

}  // namespace mxpath::harmony
