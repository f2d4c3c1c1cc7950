// What models really write to messages: never fails, loses no text.
#include <algorithm>
#include <array>

#include "chat/harmony.h"
#include "chat/harmony_header.h"
#include "chat/harmony_names.h"
#include "chat/utf8.h"

namespace mxpath::harmony {
namespace {

constexpr std::string_view channel_marker = "<|channel|>";
constexpr std::string_view constrain_marker = "<|constrain|>";

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\n\v\f\r") == text.npos; }

Message without_content(Role role, std::string channel = {}, std::string recipient = {}) {
  Message message;
  message.role = role, message.channel = std::move(channel), message.recipient = std::move(recipient);
  return message;
}

HeaderEnd end_of_header(bool channel, bool call) {
  return channel ? HeaderEnd::channel : call ? HeaderEnd::call : HeaderEnd::other;
}

}  // namespace

std::optional<Parser::Marker> Parser::marker_of(Token token) const {
  const SpecialTokens& s = tokenizer_->special();
  if (token < 0) return {};
  if (token == s.start) return Marker::start;
  if (token == s.message) return Marker::message;
  if (token == s.channel) return Marker::channel;
  if (token == s.constrain) return Marker::constrain;
  if (token == s.end) return Marker::end;
  if (token == s.call) return Marker::call;
  if (token == s.return_ || token == s.end_of_text) return Marker::stop;
  return {};
}

// The marker that a text begins with; `cut`: the text ends inside what may become one.
std::optional<Parser::Marker> Parser::spelled_marker(std::string_view text, size_t& length, bool& cut) {
  constexpr std::array<std::pair<std::string_view, Marker>, 8> spellings = {{{"<|start|>", Marker::start},
                                                                             {"<|message|>", Marker::message},
                                                                             {channel_marker, Marker::channel},
                                                                             {constrain_marker, Marker::constrain},
                                                                             {"<|end|>", Marker::end},
                                                                             {"<|call|>", Marker::call},
                                                                             {"<|return|>", Marker::stop},
                                                                             {"<|endoftext|>", Marker::stop}}};
  for (const auto& [spelling, marker] : spellings) {
    if (text.starts_with(spelling)) return length = spelling.size(), marker;
    cut |= spelling.starts_with(text);
  }
  return {};
}

void Parser::push_lossy(Token token) {
  if (const auto marker = marker_of(token)) {
    take_text(stream_.flush());
    take_plain(std::exchange(held_, {}));
    return take_marker(*marker, "");
  }
  if (tokenizer_->is_special(token)) return;  // other control tokens are no text
  const Result<std::string> bytes = tokenizer_->token_bytes(token);
  take_text(bytes.ok() ? stream_.push(*bytes) : stream_.flush() + std::string(replacement_character));
}

// In a header a marker that is spelled in ordinary tokens is one, and then in its message too. In other content it is
// text.
void Parser::take_text(std::string text) {
  text = std::exchange(held_, {}) + text;
  while (!text.empty()) {
    const size_t at = may_spell() ? text.find('<') : text.npos;
    if (at != 0) {
      take_plain(std::string_view(text).substr(0, at));
      text.erase(0, at);
      continue;
    }
    size_t length = 1;
    bool cut = false;
    const auto marker = spelled_marker(text, length, cut);
    if (!marker && cut) return void(held_ = std::move(text));
    if (marker) take_marker(*marker, std::string_view(text).substr(0, length));
    else take_plain("<");
    text.erase(0, length);
  }
}

void Parser::take_plain(std::string_view text) {
  if (text.empty()) return;
  if (state_ == State::content) return add_content(text);
  if (state_ == State::expect_start) {
    if (is_blank(text)) return;
    begin_lossy_header({}, false);
  }
  header_text_ += text;
  open_header(false);
}

void Parser::begin_lossy_header(std::optional<Role> role, bool after_start) {
  begin_header(role);
  after_start_ = after_start, spelled_ = false, headless_ = false;
}

// What can be no header any more is content. `whole`: the last word does not go on.
void Parser::open_header(bool whole) {
  LossyHeader header = read_lossy_header(header_text_ + (whole ? " " : ""), {preset_, after_start_}, HeaderEnd::open);
  if (!header.is_content) return;
  std::string text = std::exchange(header.message.content, {});
  if (whole && text.ends_with(' ')) text.pop_back();
  begin_content(std::move(header.message));
  headless_ = true;
  add_content(text);
}

void Parser::take_marker(Marker marker, std::string_view spelling) {
  const bool stops = marker == Marker::stop || marker == Marker::call;
  // Text that speaks of a marker: "Use<|start|>".
  if (state_ == State::header && !spelling.empty() && !spelled_) {
    open_header(true);
    if (state_ == State::content) return add_content(spelling);
  }
  stopped_ |= stops;
  if (state_ == State::content) return marker_in_content(marker);
  if (state_ == State::expect_start) {
    if (marker == Marker::end || stops) return;
    begin_lossy_header({}, marker == Marker::start);
  } else if (marker == Marker::start) {
    return close_header(marker);
  }
  spelled_ |= !spelling.empty();
  if (marker != Marker::start) marker_in_header(marker);
}

void Parser::marker_in_header(Marker marker) {
  if (marker == Marker::constrain) {
    header_text_ += constrain_marker;
  } else if (marker == Marker::message) {
    LossyHeader header = read_lossy_header(header_text_, {preset_, after_start_}, HeaderEnd::message);
    if (!header.sentence.empty()) {
      begin_content(without_content(header.message.role, header.message.channel));
      add_content(header.sentence);
      end_message();
    }
    begin_content(std::move(header.message));
  } else {
    close_header(marker);
  }
}

// A header that ended without <|message|>. What is not role, channel, recipient or content type is the content; a bare
// `<|start|>assistant` is an invitation, not a message.
void Parser::close_header(Marker marker) {
  const bool channel = marker == Marker::channel;
  LossyHeader header =
      read_lossy_header(header_text_, {preset_, after_start_}, end_of_header(channel, marker == Marker::call));
  Message& message = header.message;
  if (channel && message.content.empty()) return void(header_text_ += channel_marker);
  const Role role = message.role;
  if (!message.content.empty() || !message.channel.empty() || !message.recipient.empty()) {
    const std::string text = std::exchange(message.content, {});
    begin_content(std::move(message));
    add_content(text);
    end_message();
  }
  preset_.reset(), header_text_.clear();
  state_ = State::expect_start;
  if (marker == Marker::start) begin_lossy_header({}, true);
  if (channel) begin_lossy_header(role, false), header_text_ = channel_marker;
}

void Parser::marker_in_content(Marker marker) {
  const Message header = without_content(current_.role, current_.channel, current_.recipient);
  switch (marker) {
    case Marker::start: end_message(), begin_lossy_header({}, true); break;
    // "…text<|channel|>final<|message|>…": the model forgot <|end|><|start|>assistant.
    case Marker::channel: end_message(), begin_lossy_header(header.role, false), header_text_ = channel_marker; break;
    // What was taken for the text stood where the header does.
    case Marker::message:
      if (headless_ && header.recipient.empty()) end_message(), begin_content(header);
      headless_ = false;
      break;
    case Marker::constrain: break;
    case Marker::end:
    case Marker::call:
    case Marker::stop: end_message(); break;
  }
}

void Parser::finish_lossy() {
  take_text(stream_.flush());
  take_plain(std::exchange(held_, {}));
  if (state_ == State::content) return end_message();
  if (state_ != State::header) return;
  // A header that was cut off calls nobody and says nothing.
  const LossyHeader header = read_lossy_header(header_text_, {preset_, after_start_}, HeaderEnd::cut);
  if (header.message.content.empty()) return void(state_ = State::expect_start);
  close_header(Marker::end);
}

}  // namespace mxpath::harmony
