// Where one answer is: in a header, in a body, between messages, or at its end.
#pragma once
#include <map>
#include <memory>
#include <optional>

#include "grammar/answer_rules.h"
#include "grammar/body.h"
#include "grammar/header_graph.h"
#include "grammar/token_table.h"

namespace mxpath::grammar {

/// What the states of all answers share. Immutable.
struct AnswerWords {
  const TokenTable* table;
  const Tokenizer* tokenizer;
  SpecialTokens special;
};

/// An answer behind `<|start|>assistant`, in the body of final where the rules begin there, or of raw text.
class AnswerState {
 public:
  AnswerState(const AnswerWords& words, const AnswerRules& rules);
  /// Begins anew.
  void restart();
  /// One token of the answer. A token that the mask did not allow ends the guidance: everything may come behind it.
  void accept(Token token);
  /// What may come next; empty where the rules leave nothing. Valid until the next call.
  const TokenMask& mask();

 private:
  enum class Place { header, body, end, lost, raw };
  enum class Kind { analysis, preamble, call, final };

  HeaderChoice choice() const;
  const HeaderGraph& graph_of(const HeaderChoice& choice);
  void begin_header(bool first);
  void begin_body(const Header& header);
  void accept_in_body(Token token);
  bool reasoning_spent() const;
  Token ending() const;  // of the body
  TokenMask make_mask() const;
  void take_never(TokenMask& mask) const;
  const TokenMask& kept(int key);
  const TokenMask& body_mask();

  const AnswerWords* words_;
  const AnswerRules* rules_;
  bool calls_, required_;
  std::optional<int> budget_;  // of reasoning
  std::vector<std::pair<HeaderChoice, std::unique_ptr<HeaderGraph>>> graphs_;
  std::map<std::pair<const HeaderGraph*, int>, TokenMask> masks_;  // of headers by node; else by key
  TokenMask buffer_;

  Place place_ = Place::header;
  const HeaderGraph* graph_ = nullptr;
  int node_ = 0;
  Kind kind_ = Kind::analysis;
  std::unique_ptr<BodyState> body_;
  int64_t reasoning_tokens_ = 0;
  bool preambled_ = false;
};

}  // namespace mxpath::grammar
