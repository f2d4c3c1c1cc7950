// Headers as models write them.
#include <algorithm>
#include <vector>

#include "base/text.h"
#include "chat/harmony_header.h"
#include "chat/harmony_names.h"

namespace mxpath::harmony {
namespace {

constexpr std::string_view channel_marker = "<|channel|>";
constexpr std::string_view constrain_marker = "<|constrain|>";
constexpr std::string_view spaces = " \t\n\v\f\r";
constexpr std::string_view to_assistant = "to=assistant";
constexpr size_t longest_name = 40;                     // bytes of a channel that nobody knows
constexpr size_t longest_tool = 80, longest_type = 40;  // so that what is rendered again is no longer than a header
constexpr size_t most_extras = 3;                       // words that a header may have too many

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(spaces);
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}
std::string_view trimmed_front(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(spaces), text.size()));
}

enum class Kind { word, channel, constrain };
struct Item {
  Kind kind;
  size_t begin;
  std::string_view text;
  bool new_line, last;  // a line end stands before it; nothing stands after it, so it may go on
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool is_content_type(std::string_view word) { return word == "json" || word == "code" || word == "text"; }

// Where words have grown together: before "to=" behind a name, and before JSON.
size_t joint(std::string_view word) {
  const size_t to = word.find("to="), brace = word.find('{');
  const bool named =
      to != word.npos && to > 0 && (nearest_role(word.substr(0, to)) || nearest_channel(word.substr(0, to)));
  const size_t at = std::min(named ? to : word.npos, brace);
  return at == 0 ? word.npos : at;
}

class Items {
 public:
  explicit Items(std::string_view text) : text_(text) {
    for (size_t at = 0; (at = skip_spaces(at)) < text.size();) at = take(at);
    if (!items_.empty()) items_.back().last = items_.back().begin + items_.back().text.size() == text.size();
  }
  std::vector<Item> take_all() { return std::move(items_); }

 private:
  size_t skip_spaces(size_t at) {
    for (; at < text_.size() && spaces.find(text_[at]) != spaces.npos; ++at) new_line_ |= text_[at] == '\n';
    return at;
  }
  size_t take(size_t at) {
    const std::string_view rest = text_.substr(at);
    if (rest.starts_with(channel_marker)) return add(Kind::channel, at, channel_marker.size());
    if (rest.starts_with(constrain_marker)) return add(Kind::constrain, at, constrain_marker.size());
    const size_t end =
        std::min({rest.find_first_of(spaces), rest.find(channel_marker), rest.find(constrain_marker), rest.size()});
    return add(Kind::word, at, std::min(end, joint(rest.substr(0, end))));
  }
  size_t add(Kind kind, size_t at, size_t length) {
    items_.push_back({kind, at, text_.substr(at, length), new_line_, false});
    new_line_ = false;
    return at + length;
  }

  std::string_view text_;
  std::vector<Item> items_;
  bool new_line_ = false;
};

// "\"functions.f\"," is functions.f.
std::string_view tool_in(std::string_view word) {
  word = word.substr(std::min(word.find_first_not_of("\"'`<("), word.size()));
  const auto fits = [](char c) {
    return isalnum(static_cast<unsigned char>(c)) || std::string_view("_.:/@-").find(c) != std::string_view::npos;
  };
  word = word.substr(0, static_cast<size_t>(std::find_if_not(word.begin(), word.end(), fits) - word.begin()));
  const size_t last = word.find_last_not_of(".:/-");
  return last == word.npos ? std::string_view() : word.substr(0, last + 1);
}

// The whole word is a tool's name, but for marks around it: "functions.f\x1b[31m" and "functions." name nobody.
std::string_view recipient_in(std::string_view word) {
  const std::string_view name = tool_in(word);
  if (name.empty() || name.size() > longest_tool || name.find_first_of(":/@") != name.npos ||
      !isalpha(static_cast<unsigned char>(name[0])))
    return {};
  const std::string_view rest = word.substr(static_cast<size_t>(name.data() - word.data()) + name.size());
  if (rest.find_first_not_of("\"'`>),;.:") != rest.npos) return {};
  return name == "functions" || name == "browser" || name == "container" ? std::string_view() : name;
}

bool is_identifier(std::string_view word) {
  return !word.empty() && isalpha(static_cast<unsigned char>(word[0])) && tool_in(word) == word;
}

constexpr std::string_view assistant_name = "assistant";
// "assistantFour", "assistant사": text, where "assistants" is a name that is misspelt.
bool is_glued(std::string_view word) {
  if (!word.starts_with(assistant_name) || word.size() == assistant_name.size()) return false;
  const char next = word[assistant_name.size()];
  return (next >= 'A' && next <= 'Z') ||
         (static_cast<unsigned char>(next) >= 0x80 && has_letters(word.substr(assistant_name.size())));
}

class LossyReader {
 public:
  LossyReader(std::string_view text, HeaderPlace place) : text_(text), place_(place), items_(Items(text).take_all()) {
    size_t at = take_author();
    for (; at < items_.size(); ++at) take(at);
    if (for_assistant() && message_.channel == "final") message_.recipient.clear();  // carries no calls
  }

  LossyHeader result(HeaderEnd end);

 private:
  size_t take_author();
  bool take_role(const Item& item, bool exact);
  void take(size_t& at);
  void take_name(size_t& at);
  bool take_recipient(size_t& at);
  bool set_recipient(std::string_view name, size_t begin);
  void take_extra(const Item& item);

  bool has_word(size_t at) const { return at < items_.size() && items_[at].kind == Kind::word; }
  bool for_assistant() const { return message_.role == Role::assistant; }
  bool has_extra() const { return first_extra_ != std::string_view::npos; }
  bool is_lone_name() const;
  bool is_of_header(std::string_view word) const;
  bool is_call(HeaderEnd end) const;
  bool must_be_content() const;
  std::string_view extra() const { return has_extra() ? text_.substr(first_extra_) : std::string_view(); }
  std::string_view unused() const;
  std::string_view body() const { return text_.substr(text_begin_); }  // what stands there if this is no header
  Message as_content(HeaderEnd end) const;
  LossyHeader as_header() const;

  std::string_view text_;
  HeaderPlace place_;
  std::vector<Item> items_;
  Message message_;
  enum class Expect { anything, name, type } expect_ = Expect::anything;
  bool marked_ = false, known_ = false;    // there is <|channel|>; the channel is one that is known
  bool says_to_ = false, broken_ = false;  // "to=…" of a tool; an extra word that stands in no header
  size_t text_begin_ = 0;                  // behind the author, or behind <|channel|>
  std::string extra_words_;
  bool glued_ = false;                 // to the assistant's name
  std::string_view letters_too_many_;  // behind the channel's name, unless words follow
  size_t recipient_begin_ = std::string_view::npos;
  size_t first_extra_ = std::string_view::npos, extras_ = 0, whole_extras_ = 0;
};

// "user", "user:alice", "assistantfinal": what is glued to the assistant's name stays as a word.
bool LossyReader::take_role(const Item& item, bool exact) {
  const size_t colon = item.text.find(':');
  const std::string_view name = item.text.substr(0, colon);
  const auto role = exact && colon == item.text.npos ? parse_role(name) : nearest_role(name);
  if (!role) return false;
  message_.role = *role;
  if (colon != item.text.npos) message_.author_name = item.text.substr(colon + 1);
  text_begin_ = item.begin + item.text.size();
  return true;
}

// The index of the first item behind the author. Where the prompt gave the role, the same word may be the first of a
// text.
size_t LossyReader::take_author() {
  message_.role = place_.role.value_or(Role::assistant);
  if (!has_word(0)) return 0;
  Item& first = items_[0];
  const size_t end = first.begin + first.text.size();
  if (place_.role) {
    if (items_.size() > 1 && items_[1].new_line)
      text_begin_ = lower_ascii(first.text) == name_of(*place_.role) ? end : 0;
    if (lower_ascii(first.text) == name_of(*place_.role)) return 1;
  } else if (!is_glued(first.text) && take_role(first, !place_.after_start)) {
    return 1;
  } else if (place_.after_start && (is_tool_name(first.text) ||
                                    (is_identifier(first.text) && has_word(1) && items_[1].text == to_assistant))) {
    message_.role = Role::tool, message_.author_name = first.text, text_begin_ = end;
    return 1;
  }
  if (!first.text.starts_with(assistant_name)) return 0;
  const bool channel = nearest_channel(first.text.substr(assistant_name.size())).has_value();
  if (!channel && !place_.after_start) return 0;
  glued_ = true;
  first.begin += assistant_name.size(), first.text.remove_prefix(assistant_name.size());
  text_begin_ = first.begin;
  if (channel) marked_ = true, expect_ = Expect::name;  // no prose has such a word: the markers are missing
  return 0;
}

void LossyReader::take(size_t& at) {
  const Item& item = items_[at];
  if (item.kind == Kind::channel) {
    marked_ = true, expect_ = Expect::name, text_begin_ = item.begin + item.text.size();
  } else if (item.kind == Kind::constrain) {
    expect_ = Expect::type, message_.content_type = constrain_marker;
  } else if (expect_ == Expect::type && tool_in(item.text) == item.text) {
    message_.content_type += item.text, expect_ = Expect::anything;
  } else if (take_recipient(at)) {
    expect_ = Expect::anything;
  } else if (expect_ == Expect::name) {
    take_name(at);
  } else if (is_content_type(item.text) && message_.content_type.empty() && extras_ == 0) {
    message_.content_type = item.text;
  } else if (!marked_ && message_.channel.empty() && extras_ == 0 && nearest_channel(item.text)) {
    take_name(at);
  } else if (!for_assistant() || extras_ > 0 || lower_ascii(item.text) != "assistant") {
    take_extra(item);
  }
}

// "analysis", "the analysis", "analysisWe".
void LossyReader::take_name(size_t& at) {
  expect_ = Expect::anything;
  size_t named = at;
  while (has_word(named + 1) && is_header_word(items_[named].text)) ++named;
  if (nearest_channel(items_[named].text)) at = named;
  const Item& item = items_[at];
  const auto near = nearest_channel(item.text);
  known_ = near.has_value();
  message_.channel = near ? near->channel : item.text;
  broken_ |= near ? !is_ascii(near->rest) : item.text.size() > longest_name || item.new_line;
  if (!near || near->rest.empty() || is_of_header(near->rest)) return;
  if (near->may_be_name) letters_too_many_ = near->rest;
  else first_extra_ = std::min(first_extra_, static_cast<size_t>(near->rest.data() - text_.data()));
}

// "to=X", "to= X", "to =X", "to: X", "recipient=X"; with another word before the =, or with none, X must look like a
// tool.
bool LossyReader::take_recipient(size_t& at) {
  const std::string_view word = items_[at].text;
  if (word.size() > longest_tool + std::string_view("recipient=").size()) return false;
  const size_t begin = items_[at].begin;
  const size_t equals = word.find_first_of("=:");
  const std::string left = lower_ascii(word.substr(0, equals));
  const bool says = left == "to" || left == "recipient";
  if (equals == word.npos && !says)
    return extras_ == 0 && message_.channel != "final" && is_tool_name(recipient_in(word)) &&
           set_recipient(recipient_in(word), begin);
  if (!says && (equals > 10 || word[equals] != '=' || !is_tool_name(recipient_in(word.substr(equals + 1)))))
    return false;
  std::string_view name = equals == word.npos ? "" : word.substr(equals + 1);
  bool signs = equals != word.npos;
  size_t next = at;
  while (says && name.empty() && has_word(next + 1) && next < at + 2) {
    name = items_[++next].text;
    signs |= name[0] == '=' || name[0] == ':';
    name.remove_prefix(std::min(name.find_first_not_of("=:"), name.size()));
  }
  name = for_assistant() ? recipient_in(name) : tool_in(name);
  if (name.empty() || name.size() > longest_tool || (!signs && !is_tool_name(name))) return false;
  at = next;
  says_to_ = true;
  return set_recipient(name, begin);
}

// The assistant calls tools; what it says to itself, to the user or to all is for nobody in particular.
bool LossyReader::set_recipient(std::string_view name, size_t begin) {
  const std::string lower = lower_ascii(name);
  if (!for_assistant()) message_.recipient = name;
  else if (lower == "all" || lower == "everyone" || lower == "human" || parse_role(lower)) return true;
  else if (lower == "analysis" || lower == "commentary" || lower == "final") message_.channel = lower, known_ = true;
  else message_.recipient = name, recipient_begin_ = std::min(recipient_begin_, begin);
  return true;
}

void LossyReader::take_extra(const Item& item) {
  first_extra_ = std::min(first_extra_, item.begin);
  ++extras_;
  (extra_words_ += extra_words_.empty() ? "" : " ") += item.text;
  whole_extras_ += !item.last;
  const bool name_of_role = place_.after_start && !glued_ && item.begin == items_[0].begin && !has_word(1);
  broken_ |= item.new_line || item.text[0] == '{' || item.text[0] == '[' || (!name_of_role && !is_ascii(item.text));
  if (letters_too_many_.empty()) return;
  first_extra_ = std::min(first_extra_, static_cast<size_t>(letters_too_many_.data() - text_.data()));
}

bool LossyReader::must_be_content() const {
  if (text_.size() > longest_header) return true;
  // " to=functions.f {…": a call if <|call|> follows.
  if (!marked_ && recipient_begin_ < first_extra_ && extra().starts_with('{')) return false;
  if (broken_) return true;
  // "<|start|>weather to=assi": what a tool says begins so.
  if (place_.after_start && items_.size() == 2 && items_[1].last && to_assistant.starts_with(items_[1].text))
    return false;
  return marked_ && for_assistant() ? extras_ > most_extras : whole_extras_ > 0;
}

// What stands behind the channel and is no header word, where nobody is called.
std::string_view LossyReader::unused() const {
  const size_t begin = recipient_begin_ < text_begin_ ? first_extra_ : std::min(first_extra_, recipient_begin_);
  return text_.substr(std::min(begin, text_.size()));
}

// "<|start|>critic<|message|>", in any script: a role that nobody knows is still not the assistant's.
bool LossyReader::is_lone_name() const {
  if (!place_.after_start || glued_ || !for_assistant() || extras_ != 1 || items_[0].begin != first_extra_)
    return false;
  const std::string_view name = items_[0].text;
  return name.size() <= longest_tool && has_letters(name) &&
         std::string_view(".!?,").find(name.back()) == std::string_view::npos;
}

bool LossyReader::is_of_header(std::string_view word) const {
  const auto near = nearest_channel(word);
  return is_header_word(word) || (near && near->rest.empty());
}

// Where <|message|> never came: only what cannot be prose is a call, and text without any marker never is.
bool LossyReader::is_call(HeaderEnd end) const {
  if (message_.recipient.empty()) return false;
  if (!marked_) return end == HeaderEnd::call && recipient_begin_ < first_extra_;
  return end == HeaderEnd::call || says_to_ || extra().starts_with('{');
}

Message LossyReader::as_content(HeaderEnd end) const {
  Message out = message_;
  out.content = extra();
  if (!for_assistant() || is_call(end)) return out;
  out.recipient.clear(), out.content_type.clear();
  if (marked_ && known_) {
    out.content = unused();
    return out;
  }
  out.channel.clear();
  out.content = trimmed_front(body());
  return out;
}

LossyHeader LossyReader::as_header() const {
  LossyHeader out;
  out.message = message_;
  if (is_lone_name()) out.message.role = Role::tool, out.message.author_name = items_[0].text;
  if (!for_assistant() || is_lone_name() || !has_extra()) return out;
  // "python" among other words is a word; functions.f is not.
  if (!message_.recipient.empty() && !broken_ && (says_to_ || message_.recipient != "python")) {
    // Rendered again, "to=" among them would name another.
    const std::string again = fmt::format("{}commentary {}", channel_marker, extra_words_);
    const Message read = LossyReader(again, {Role::assistant, false}).message_;
    const bool same = read.recipient.empty() && read.channel == "commentary";
    if (same && !message_.content_type.starts_with(constrain_marker)) out.message.content_type = extra_words_;
    return out;
  }
  out.message.recipient.clear();
  if (known_ && extras_ == 1 && is_of_header(extra_words_)) return out;
  if (!known_) out.message.channel.clear();
  out.sentence = trimmed(known_ ? unused() : body());
  return out;
}

LossyHeader LossyReader::result(HeaderEnd end) {
  LossyHeader out;
  if (end == HeaderEnd::message) return as_header();
  if (end == HeaderEnd::open) {
    out.is_content = must_be_content();
    if (out.is_content) out.message = as_content(end);
    return out;
  }
  out.message = as_content(end);
  out.message.content = trimmed(out.message.content);
  // Nothing but words of a header, or a name of a channel that another one follows.
  const bool named = known_ || message_.channel.empty() || end == HeaderEnd::cut;
  if (!has_extra() && named && (marked_ || end == HeaderEnd::channel)) out.message.content.clear();
  if (end == HeaderEnd::channel && is_lone_name()) out.message.content.clear();
  // " to=functions.f": cut before <|channel|>.
  if (end == HeaderEnd::cut && !has_extra() && says_to_ && !message_.recipient.empty()) out.message.content.clear();
  if (end == HeaderEnd::cut && (is_lone_name() || (extras_ == 1 && extra().starts_with("to="))))
    out.message.content.clear();
  return out;
}

LossyHeader within_limits(LossyHeader header) {
  if (header.message.content_type.size() > longest_type) header.message.content_type.clear();
  return header;
}

}  // namespace

LossyHeader read_lossy_header(std::string_view text, HeaderPlace place, HeaderEnd end) {
  return within_limits(LossyReader(text, place).result(end));
}

}  // namespace mxpath::harmony
