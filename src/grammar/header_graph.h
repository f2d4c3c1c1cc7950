// The headers that an answer may have, as a tree of bytes and harmony's markers.
#pragma once
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grammar/answer_rules.h"
#include "grammar/token_table.h"

namespace mxpath::grammar {

enum class Channel { analysis, commentary, final };

/// What the next message may be.
struct HeaderChoice {
  bool analysis = true, commentary = true, final = true;  ///< to nobody
  bool calls = true;                                      ///< on analysis or commentary; final carries none
  bool operator==(const HeaderChoice&) const = default;
};

/// What a header that is complete says.
struct Header {
  Channel channel = Channel::analysis;
  int call = -1;  ///< place in AnswerRules::calls; -1: to nobody
};

/// Headers `[ to=R] <|channel|> C [ to=R] [ ][<|constrain|>]json <|message|>` as a deterministic automaton: one
/// recipient, before or behind the channel, and a content type only where somebody is called (alone it would read as a
/// recipient).
class HeaderGraph {
 public:
  HeaderGraph(const HeaderChoice& choice, std::span<const CallRule> calls, const SpecialTokens& special);

  static constexpr int between = 0;     ///< behind a message: `<|start|>assistant` comes first
  int first() const { return first_; }  ///< behind `<|start|>assistant`

  /// Where a token leads, -1 if nowhere. text: of an ordinary token.
  int step(int node, Token token, std::string_view text) const;
  /// Null: the header is not complete.
  const Header* header(int node) const;
  /// The tokens that may come, however they cut the text.
  void fill(int node, const TokenTable& table, TokenMask& mask) const;

 private:
  enum Symbol : uint16_t { start_marker = 256, channel_marker, constrain_marker, message_marker };  // below: a byte
  struct Edge {
    uint16_t symbol;
    int to;
  };

  int next(int node, uint16_t symbol) const;
  int extend(int node, uint16_t symbol);
  int extend(int node, std::string_view text);
  void add_channel(int node, Channel channel, std::span<const CallRule> calls);
  void add_call(int node, std::string_view recipient, Header header, bool json);
  void end(int node, Header header);
  Token token_of(uint16_t symbol) const;
  void fill_text(int node, TokenTable::Range range, const TokenTable& table, TokenMask& mask) const;

  const SpecialTokens* special_;
  std::vector<std::vector<Edge>> nodes_;
  std::unordered_map<int, Header> headers_;
  int first_ = 0;
};

}  // namespace mxpath::grammar
