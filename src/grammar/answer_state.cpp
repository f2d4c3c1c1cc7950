#include "grammar/answer_state.h"

namespace mxpath::grammar {
namespace {

// Names of masks that are the same for the whole answer; masks of headers are named by graph and node.
enum MaskKey { key_end, key_lost, key_raw, key_only_end, key_open };  // key_open + kind

}  // namespace

AnswerState::AnswerState(const AnswerWords& words, const AnswerRules& rules) : words_(&words), rules_(&rules) {
  calls_ = rules.calls_allowed && !rules.calls.empty();
  required_ = rules.call_required && calls_;
  budget_ = rules.skip_reasoning ? 0 : rules.reasoning_budget;
  buffer_.resize(words.table->words());
  restart();
}

void AnswerState::restart() {
  reasoning_tokens_ = 0;
  preambled_ = false;
  if (!rules_->harmony) place_ = Place::raw;
  else if (rules_->begins_in_final()) begin_body({Channel::final});
  else begin_header(true);
}

bool AnswerState::reasoning_spent() const { return budget_ && reasoning_tokens_ >= *budget_; }

// A required call comes after one preamble at the latest; what follows reasoning that is spent is the answer or, where
// one is required, a call.
HeaderChoice AnswerState::choice() const {
  const bool talk = !reasoning_spent() && !(required_ && preambled_);
  return {.analysis = talk,
          .commentary = talk && !rules_->final_body,
          .final = !required_,
          .calls = calls_ && (required_ || !reasoning_spent())};
}

const HeaderGraph& AnswerState::graph_of(const HeaderChoice& choice) {
  for (const auto& [known, graph] : graphs_)
    if (known == choice) return *graph;
  graphs_.emplace_back(choice, std::make_unique<HeaderGraph>(choice, rules_->calls, words_->special));
  return *graphs_.back().second;
}

void AnswerState::begin_header(bool first) {
  place_ = Place::header;
  body_.reset();
  graph_ = &graph_of(choice());
  node_ = first ? graph_->first() : HeaderGraph::between;
}

void AnswerState::begin_body(const Header& header) {
  place_ = Place::body;
  const Body* grammar = nullptr;
  if (header.call >= 0) {
    kind_ = Kind::call;
    grammar = rules_->calls[header.call].arguments.get();
  } else if (header.channel == Channel::final) {
    kind_ = Kind::final;
    grammar = rules_->final_body.get();
  } else {
    kind_ = header.channel == Channel::analysis ? Kind::analysis : Kind::preamble;
  }
  body_ = grammar ? grammar->begin() : nullptr;
  if (grammar && !body_) place_ = Place::lost;
}

Token AnswerState::ending() const {
  switch (kind_) {
    case Kind::call: return words_->special.call;
    case Kind::final: return words_->special.return_;
    default: return words_->special.end;
  }
}

void AnswerState::accept(Token token) {
  switch (place_) {
    case Place::header:
      node_ = graph_->step(node_, token, words_->table->text(token));
      if (node_ < 0) place_ = Place::lost;
      else if (const Header* header = graph_->header(node_)) begin_body(*header);
      return;
    case Place::body: return accept_in_body(token);
    case Place::end:
    case Place::lost:
    case Place::raw: return;
  }
}

void AnswerState::accept_in_body(Token token) {
  if (token == ending()) {
    if (body_ && !body_->is_complete()) place_ = Place::lost;
    else if (kind_ == Kind::call || kind_ == Kind::final) place_ = Place::end;
    else {
      preambled_ |= kind_ == Kind::preamble;
      begin_header(false);
    }
    return;
  }
  const bool legal = !words_->table->text(token).empty() && (!body_ || body_->accept(token));
  if (!legal) place_ = Place::lost;
  if (kind_ == Kind::analysis) ++reasoning_tokens_;
}

void AnswerState::take_never(TokenMask& mask) const {
  for (const Token id : rules_->never) forbid(mask, id);
}

// A mask that depends on the place alone.
TokenMask AnswerState::make_mask() const {
  const SpecialTokens& special = words_->special;
  TokenMask mask(words_->table->words(), 0);
  if (place_ == Place::header) {
    graph_->fill(node_, *words_->table, mask);
  } else if (place_ == Place::body) {
    if (kind_ != Kind::analysis || !reasoning_spent()) mask = words_->table->ordinary();
    allow(mask, ending());
  } else {
    for (Token id = 0; place_ != Place::end && id <= special.largest; ++id) allow(mask, id);
    for (const Token id : {special.return_, special.call, special.end_of_text}) allow(mask, id);
  }
  take_never(mask);
  return mask;
}

const TokenMask& AnswerState::kept(int key) {
  const auto name = std::pair(place_ == Place::header ? graph_ : nullptr, key);
  const auto found = masks_.find(name);
  return found != masks_.end() ? found->second : masks_.emplace(name, make_mask()).first->second;
}

const TokenMask& AnswerState::body_mask() {
  if (!body_->fill(buffer_)) {
    place_ = Place::lost;
    return kept(key_lost);
  }
  const TokenMask& ordinary = words_->table->ordinary();
  for (size_t i = 0; i < buffer_.size(); ++i) buffer_[i] &= ordinary[i];
  if (body_->is_complete()) allow(buffer_, ending());
  take_never(buffer_);
  return buffer_;
}

const TokenMask& AnswerState::mask() {
  switch (place_) {
    case Place::header: return kept(node_);
    case Place::end: return kept(key_end);
    case Place::lost: return kept(key_lost);
    case Place::raw: return kept(key_raw);
    case Place::body: break;
  }
  if (body_) return body_mask();
  if (kind_ == Kind::analysis && reasoning_spent()) return kept(key_only_end);
  return kept(key_open + static_cast<int>(kind_));
}

}  // namespace mxpath::grammar
