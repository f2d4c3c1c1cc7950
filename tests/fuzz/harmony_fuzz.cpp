// Any tokens to both parsers; messages made of any bytes through render and parse; any text through encode and decode.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "chat/byte_level.h"
#include "chat/harmony.h"
#include "chat/harmony_names.h"
#include "chat/utf8.h"

namespace {

using namespace mxpath;
using namespace mxpath::harmony;

void check(bool condition) {
  if (!condition) std::abort();
}

// All bytes, a few words, and the harmony tokens from 300 on.
std::shared_ptr<const Tokenizer> small_tokenizer() {
  Json vocabulary = Json::object(), merges = Json::array(), added = Json::array();
  for (int byte = 0; byte < 256; ++byte) vocabulary[to_byte_level(std::string(1, static_cast<char>(byte)))] = byte;
  int id = 256;
  for (const auto& [left, right] : {std::pair("a", "n"),
                                    {"t", "o"},
                                    {"to", "="},
                                    {"\u0120", "to="},
                                    {"u", "s"},
                                    {"e", "r"},
                                    {"us", "er"},
                                    {"s", "s"},
                                    {"i", "ss"}}) {
    vocabulary[std::string(left) + right] = id++;
    merges.push_back({left, right});
  }
  id = 300;
  for (const char* name : {"<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|call|>",
                           "<|return|>", "<|endoftext|>"})
    added.push_back({{"id", id++}, {"content", name}, {"special", true}});
  const Json json = {{"added_tokens", added},
                     {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
                     {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", merges}}}};
  auto tokenizer = Tokenizer::from_json(json.dump(), "small");
  check(tokenizer.ok());
  return *tokenizer;
}

// One byte is one token: 0–199 text, then specials, words and ids without a text.
Token token_of(uint8_t byte) {
  if (byte < 200) return byte;
  if (byte < 240) return 300 + byte % 8;
  return byte < 250 ? 256 + byte - 240 : (byte == 255 ? -1 : 290);
}

void parse_tokens(const Tokenizer& tokenizer, std::string_view bytes, std::optional<Role> role, bool strict) {
  Parser parser(tokenizer, role, strict);
  std::string deltas, contents;
  for (const char byte : bytes) {
    const Status status = parser.push(token_of(static_cast<uint8_t>(byte)));
    check(status.ok() || strict);
    if (!status.ok()) return;
    deltas += parser.last_delta();
  }
  check(parser.finish().ok() || strict);
  deltas += parser.last_delta();
  for (const Message& message : parser.messages()) contents += message.content;
  check(deltas == contents);
  check(valid_utf8_prefix(contents) == contents.size());
  (void)render(tokenizer, parser.messages());
}

// Letters only: names with blanks or control tokens spelled out are not meant to survive.
std::string name_from(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, 8)) out += static_cast<char>('a' + static_cast<uint8_t>(c) % 26);
  return out;
}

void round_trip(const Tokenizer& tokenizer, std::string_view bytes) {
  Message message;
  const uint8_t form = bytes.empty() ? 0 : static_cast<uint8_t>(bytes[0]);
  message.role = static_cast<Role>(form % 5);
  message.content = to_valid_utf8(bytes);
  if (form & 8) message.channel = form & 16 ? "final" : "x" + name_from(bytes);
  const bool carries_calls = message.role != Role::assistant || message.channel != "final";
  if ((form & 32 && carries_calls) || message.role == Role::tool) message.recipient = "r" + name_from(bytes);
  if (!message.recipient.empty() && form & 64) message.content_type = "<|constrain|>json";
  if (message.role == Role::tool) message.author_name = "functions." + name_from(bytes);
  const auto tokens = render(tokenizer, std::vector{message}, {}, DropAnalysis::never);
  check(tokens.ok());
  for (const bool strict : {true, false}) {
    Parser parser(tokenizer, {}, strict);
    for (const Token token : *tokens) check(parser.push(token).ok());
    check(parser.finish().ok() && parser.messages().size() == 1);
    const Message& parsed = parser.messages()[0];
    check(parsed.role == message.role && parsed.author_name == message.author_name &&
          parsed.content == message.content);
    const auto near = nearest_channel(message.channel);
    const std::string channel(strict || !near ? std::string_view(message.channel) : near->channel);
    check(parsed.channel == channel && parsed.recipient == message.recipient &&
          parsed.content_type == message.content_type);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto tokenizer = small_tokenizer();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool strict : {false, true}) {
    parse_tokens(*tokenizer, bytes, Role::assistant, strict);
    parse_tokens(*tokenizer, bytes, {}, strict);
  }
  round_trip(*tokenizer, bytes);
  check(*tokenizer->decode(tokenizer->encode(bytes)) == to_valid_utf8(bytes));
  check(*tokenizer->decode(tokenizer->encode_with_special(bytes)) == to_valid_utf8(bytes));
  return 0;
}
