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

// As take_channel for all of them; the last one with a name counts. A space stays where one was, so that words do not grow together.
std::string take_channels(std::string& text) {
  std::string out;
  for (size_t at; (at = text.find(channel_marker)) != std::string::npos;) {
    std::string channel = *take_channel(text);
    if (!channel.empty()) out = std::move(channel);
    text.insert(at, " ");
  }
  return out;
}

std::vector<std::string> words_of(const std::string& text) {
  std::string spaced;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text.compare(at, constrain_marker.size(), constrain_marker) == 0) spaced += ' ';
    spaced += text[at];
  }
  std::vector<std::string> words;
  for (size_t begin = spaced.find_first_not_of(spaces), end; begin != std::string::npos; begin = spaced.find_first_not_of(spaces, end)) {
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
    if (words.size() == 1 && !is_recipient(words[0])) return fail("a message header has the unknown role \"{}\"", printable(words[0]));
    message.role = Role::tool;
    message.author_name = words[0];
  }
  words.erase(words.begin());
  return {};
}

// The last word is the recipient if it says so or stands alone; otherwise it is the content type and the word before the recipient.
void take_recipient(std::vector<std::string>& words, Message& message) {
  if (words.empty()) return;
  if (words.size() > 1 && !is_recipient(words.back())) {
    message.content_type = words.back();
    words.pop_back();
  }
  message.recipient = without_to(words.back());
  words.pop_back();
}

void take_author_lossy(std::vector<std::string>& words, std::optional<Role> preset, Message& message) {
  if (preset) {
    message.role = *preset;
    if (!words.empty() && words[0] == name_of(*preset)) words.erase(words.begin());
    return;
  }
  message.role = Role::assistant;
  if (words.empty()) return;
  if (!take_role(words[0], message)) {
    message.role = Role::tool;
    if (is_recipient(words[0])) return;  // the role is missing, the recipient is not
    message.author_name = words[0];
  }
  words.erase(words.begin());
}

bool is_content_type(std::string_view word) { return word.starts_with(constrain_marker) || word == "json" || word == "code"; }
bool to_itself(const Message& message, std::string_view recipient) {
  return recipient == name_of(Role::assistant) && message.role == Role::assistant;
}

void take_recipient_lossy(const std::vector<std::string>& words, Message& message) {
  std::vector<std::string> others;
  for (size_t i = 0; i < words.size(); ++i) {
    if (!is_recipient(words[i])) {
      others.push_back(words[i]);
      continue;
    }
    // "to= functions.f" happens.
    const std::string name = words[i] == "to=" && i + 1 < words.size() ? words[++i] : without_to(words[i]);
    if (!to_itself(message, name)) message.recipient = name;
  }
  if (others.empty()) return;
  const bool alone = others.size() == 1 && message.recipient.empty();
  if (!alone || is_content_type(others.back())) {
    message.content_type = others.back();
    others.pop_back();
  }
  if (message.recipient.empty() && !others.empty() && !to_itself(message, others.back())) message.recipient = others.back();
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(spaces);
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

// Takes the first word if `accept` likes it.
template <class Accept>
void take_word(std::string_view& text, Accept accept) {
  const std::string_view word = text.substr(0, text.find_first_of(spaces));
  if (!word.empty() && accept(word)) text = trimmed(text.substr(word.size()));
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
  if (!words.empty()) return fail("a message header has unexpected words: \"{}\"", printable(fmt::format("{}", fmt::join(words, " "))));
  return message;
}

Message parse_header_lossy(std::string text, std::optional<Role> preset) {
  Message message;
  message.channel = take_channels(text);
  std::vector<std::string> words = words_of(text);
  take_author_lossy(words, preset, message);
  take_recipient_lossy(words, message);
  return message;
}

Message parse_headless(std::string text, std::optional<Role> preset) {
  Message message;
  message.role = preset.value_or(Role::assistant);
  message.channel = take_channels(text);
  std::string_view rest = trimmed(text);
  take_word(rest, [&](std::string_view word) { return preset ? word == name_of(*preset) : take_role(word, message); });
  take_word(rest, [&](std::string_view word) {
    if (!is_recipient(word) || word.size() == 3) return false;
    if (!to_itself(message, word.substr(3))) message.recipient = word.substr(3);
    return true;
  });
  take_word(rest, [&](std::string_view word) {
    const bool accepted = word.starts_with(constrain_marker) &&
                          std::all_of(word.begin() + constrain_marker.size(), word.end(), [](unsigned char c) { return isalnum(c); });
    if (accepted) message.content_type = word;
    return accepted;
  });
  message.content = rest;
  return message;
}

}  // namespace mxpath::harmony
