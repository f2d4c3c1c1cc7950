// Any tokens as an answer, on the way that `run` takes: stream, answer, conversation, the next prompt, and that read
// again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/answer.h"
#include "app/conversation.h"
#include "base/json.h"
#include "chat/byte_level.h"
#include "chat/utf8.h"

namespace {

using namespace mxpath;
using harmony::Message;

void check(bool condition) {
  if (!condition) std::abort();
}

// Tokens of one input byte each: the harmony tokens, words of headers, and bytes.
constexpr std::string_view specials[] = {"<|start|>", "<|end|>",    "<|message|>",   "<|channel|>",    "<|constrain|>",
                                         "<|call|>",  "<|return|>", "<|endoftext|>", "<|startoftext|>"};
constexpr std::string_view words[] = {
    "analysis",
    "final",
    "commentary",
    "assistant",
    "user",
    "system",
    "tool",
    " to=",
    "to",
    "=",
    "functions.",
    "functions.f",
    "python",
    " json",
    " code",
    "thinking",
    "Final",
    "analysi",
    "finalx",
    "foo",
    " ",
    "\n",
    "\n\n",
    "{\"a\":",
    "}",
    " we",
    " should",
    " look",
    " at",
    " it",
    ".",
    ":",
    "한국어",
    "\xed\x95",
    "\x9c",
    "🙂",
    "<|",
    "|>",
    "<|channel",
    "<|message",
    "<|end",
    "<|start",
    "<|return",
    "<|call",
    "all",
    "A sentence that is longer than a header may be, so that it is taken for the text that it is: one, two, three, "
    "four, five, six, seven, eight, nine, ten, eleven, twelve.",
    "“",
    "\u200b",
    "사용자",
    "the",
    "I",
    "é"};
constexpr int first_word = 256, first_special = 400;
constexpr uint8_t first_word_byte = 128, marker_ends = 128 + 37;  // "|>"

std::shared_ptr<const Tokenizer> make_tokenizer() {
  Json vocabulary = Json::object(), added = Json::array();
  for (int byte = 0; byte < 256; ++byte) vocabulary[to_byte_level(std::string(1, static_cast<char>(byte)))] = byte;
  int id = first_word;
  for (const std::string_view word : words) {
    if (word.size() > 1) vocabulary[to_byte_level(word)] = id;
    ++id;
  }
  id = first_special;
  for (const std::string_view name : specials) added.push_back({{"id", id++}, {"content", name}, {"special", true}});
  const Json json = {{"added_tokens", added},
                     {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
                     {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array()}}}};
  auto tokenizer = Tokenizer::from_json(json.dump(), "small");
  check(tokenizer.ok());
  return *tokenizer;
}

Token token_of(uint8_t byte) {
  if (byte >= first_word_byte && byte < first_word_byte + std::size(words)) {
    const std::string_view word = words[byte - first_word_byte];
    return word.size() == 1 ? static_cast<uint8_t>(word[0]) : first_word + byte - first_word_byte;
  }
  if (byte >= 200) return byte == 255 ? 399 : first_special + byte % static_cast<int>(std::size(specials));
  return byte;
}

// A marker that is spelled in ordinary tokens has two.
bool is_spelled_marker(uint8_t byte) {
  return byte >= first_word_byte && byte < first_word_byte + std::size(words) &&
         words[byte - first_word_byte].size() > 2 && words[byte - first_word_byte].starts_with("<|");
}

struct Heard {
  std::vector<std::string> messages;  // texts, in the order in which they began
  std::string answer;
  bool open = false;
};

// Each piece belongs to the message that is open: they never interleave.
void hear(Heard& heard, const Delta& delta) {
  check(delta.begins == !heard.open);
  if (delta.begins) heard.messages.emplace_back();
  heard.messages.back() += delta.text;
  heard.open = !delta.ends;
  check(valid_utf8_prefix(delta.text) == delta.text.size());
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() || part.empty() ? "" : "\n\n") + part;
  return out;
}

struct Streamed {
  Answer answer;
  Heard heard;
  std::vector<std::string> for_user;
};

Streamed stream(const Tokenizer& tokenizer, const std::vector<Token>& tokens, UnknownText unknown) {
  Streamed out;
  const std::function<void(const Delta&)> sink = [&](const Delta& delta) {
    hear(out.heard, delta);
    if (!is_for_user(delta.channel, delta.recipient)) return;
    if (delta.begins) out.for_user.emplace_back();
    if (out.for_user.empty()) out.for_user.emplace_back();
    out.for_user.back() += delta.text;
  };
  DeltaStream deltas(tokenizer, sink, unknown);
  for (const Token token : tokens) {
    const bool over = deltas.turn_over();
    const size_t before = out.heard.messages.size();
    deltas.push(token);
    check(!over || out.heard.messages.size() == before);
  }
  take_messages(out.answer, deltas);
  check(!out.heard.open);
  return out;
}

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (std::string_view(" \t\n\v\f\r").find(c) == std::string_view::npos) out += c;
  return out;
}

// The text tokens up to the end of the turn.
std::string generated_text(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::string out;
  for (const Token token : tokens) {
    if (tokenizer.is_special(token)) continue;
    const auto bytes = tokenizer.token_bytes(token);
    out += bytes.ok() ? *bytes : "\xff";
  }
  return out;
}

// What was streamed is what the answer holds, message by message, whenever the verdicts came.
void check_stream(const Streamed& s, bool settled) {
  check(s.heard.messages.size() == s.answer.messages.size());
  for (size_t i = 0; i < s.answer.messages.size(); ++i) {
    const Message& m = s.answer.messages[i];
    check(s.heard.messages[i] == m.content && m.role == harmony::Role::assistant);
    check(m.channel == "analysis" || m.channel == "commentary" || m.channel == "final");
  }
  if (settled) check(joined(s.for_user) == s.answer.text);
}

// Each text is reasoning, answer or a call. Nobody is called whom the text does not name, or where there is no marker.
void check_messages(const Answer& answer, const std::string& generated, bool marked) {
  std::vector<std::string> text, analysis;
  for (const Message& m : answer.messages) {
    const bool call = !m.recipient.empty();
    if (call) check(marked && m.channel != "final" && generated.find(m.recipient) != generated.npos);
    else (m.channel == "analysis" ? analysis : text).push_back(m.content);
  }
  check(joined(text) == answer.text && joined(analysis) == answer.analysis);
}

// Without harmony all of it is the answer.
void check_plain(const Tokenizer& tokenizer, const std::vector<Token>& tokens, const Answer& answer) {
  const bool plain = std::none_of(tokens.begin(), tokens.end(), [&](Token t) { return tokenizer.is_special(t); });
  const std::string text = to_valid_utf8(generated_text(tokenizer, tokens));
  const std::string_view start =
      std::string_view(text).substr(std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size()));
  for (const std::string_view word :
       {"<", "to", "recipient", "assistant", "functions.", "python", "browser.", "container."})
    if (!plain || text.find(word) != text.npos || text.find('=') != text.npos) return;
  check(without_spaces(answer.text) == without_spaces(start));
}

// History: the next prompt reads back to the messages that were kept.
void check_history(const Tokenizer& tokenizer, const Answer& answer) {
  Conversation conversation(ConversationOptions{});
  conversation.add_turn("hello", answer.messages);
  const auto prompt = conversation.prompt(tokenizer, "more");
  check(prompt.ok());
  std::vector<Message> kept = conversation.messages();
  check(kept.size() >= 2 && kept[1].content == "hello");
  const auto last = std::find_if(kept.rbegin(), kept.rend(), [](const Message& m) { return m.channel == "final"; });
  const auto finished = kept.rend() - last;
  harmony::Parser parser(tokenizer, {}, false);
  for (const Token token : *prompt) (void)parser.push(token);
  (void)parser.finish();
  size_t at = 1;
  for (size_t i = 1; i < kept.size(); ++i) {
    if (static_cast<ptrdiff_t>(i) < finished && kept[i].channel == "analysis") continue;
    check(at < parser.messages().size());
    const Message& read = parser.messages()[at++];
    check(read.role == kept[i].role && read.channel == kept[i].channel && read.recipient == kept[i].recipient);
    check(read.content == kept[i].content);
  }
  check(at + 1 == parser.messages().size() && parser.messages()[at].content == "more");
  (void)to_json(kept).dump();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto tokenizer = make_tokenizer();
  std::vector<Token> tokens;
  for (size_t i = 0; i < size; ++i) {
    tokens.push_back(token_of(data[i]));
    if (is_spelled_marker(data[i])) tokens.push_back(token_of(marker_ends));
  }
  const Streamed settled = stream(*tokenizer, tokens, UnknownText::settled),
                 at_once = stream(*tokenizer, tokens, UnknownText::at_once);
  check_stream(settled, true), check_stream(at_once, false);
  check(settled.answer.text == at_once.answer.text && settled.answer.analysis == at_once.answer.analysis);
  check(settled.answer.reasoning_tokens <= static_cast<int>(tokens.size()));
  const std::string generated = to_valid_utf8(generated_text(*tokenizer, tokens));
  const bool marked = std::any_of(tokens.begin(), tokens.end(), [](Token t) { return t >= first_special; });
  check_messages(settled.answer, generated, marked || generated.find("<|") != generated.npos);
  check_plain(*tokenizer, tokens, settled.answer);
  check_history(*tokenizer, settled.answer);
  return 0;
}
