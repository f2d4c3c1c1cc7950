#include "grammar/header_graph.h"

namespace mxpath::grammar {
namespace {

std::string_view name_of(Channel channel) {
  switch (channel) {
    case Channel::analysis: return "analysis";
    case Channel::commentary: return "commentary";
    case Channel::final: break;
  }
  return "final";
}

}  // namespace

HeaderGraph::HeaderGraph(const HeaderChoice& choice, std::span<const CallRule> calls, const SpecialTokens& special)
    : special_(&special), nodes_(1) {
  if (!choice.calls) calls = {};
  first_ = extend(extend(between, Symbol::start_marker), "assistant");
  const int channel_name = extend(first_, Symbol::channel_marker);
  if (choice.analysis || !calls.empty()) add_channel(channel_name, Channel::analysis, calls);
  if (choice.commentary || !calls.empty()) add_channel(channel_name, Channel::commentary, calls);
  if (choice.final) end(extend(channel_name, name_of(Channel::final)), {Channel::final});
  if (choice.analysis) end(extend(channel_name, name_of(Channel::analysis)), {Channel::analysis});
  if (choice.commentary) end(extend(channel_name, name_of(Channel::commentary)), {Channel::commentary});
  for (size_t i = 0; i < calls.size(); ++i) {
    const int behind = extend(extend(extend(first_, " to="), calls[i].recipient), Symbol::channel_marker);
    for (const Channel channel : {Channel::analysis, Channel::commentary})
      add_call(extend(behind, name_of(channel)), {}, {channel, static_cast<int>(i)}, calls[i].json);
  }
}

void HeaderGraph::add_channel(int node, Channel channel, std::span<const CallRule> calls) {
  node = extend(node, name_of(channel));
  for (size_t i = 0; i < calls.size(); ++i)
    add_call(node, calls[i].recipient, {channel, static_cast<int>(i)}, calls[i].json);
}

// recipient: empty where it stands before the channel.
void HeaderGraph::add_call(int node, std::string_view recipient, Header header, bool json) {
  if (!recipient.empty()) node = extend(extend(node, " to="), recipient);
  end(node, header);
  if (!json) return;
  const int spaced = extend(node, " ");
  end(extend(spaced, "json"), header);
  end(extend(extend(spaced, Symbol::constrain_marker), "json"), header);
  end(extend(extend(node, Symbol::constrain_marker), "json"), header);
}

void HeaderGraph::end(int node, Header header) { headers_[extend(node, Symbol::message_marker)] = header; }

int HeaderGraph::next(int node, uint16_t symbol) const {
  for (const Edge& edge : nodes_[node])
    if (edge.symbol == symbol) return edge.to;
  return -1;
}

int HeaderGraph::extend(int node, uint16_t symbol) {
  if (const int there = next(node, symbol); there >= 0) return there;
  const int made = static_cast<int>(nodes_.size());
  nodes_.emplace_back();
  nodes_[node].push_back({symbol, made});
  return made;
}

int HeaderGraph::extend(int node, std::string_view text) {
  for (const char c : text) node = extend(node, static_cast<uint8_t>(c));
  return node;
}

Token HeaderGraph::token_of(uint16_t symbol) const {
  switch (symbol) {
    case Symbol::start_marker: return special_->start;
    case Symbol::channel_marker: return special_->channel;
    case Symbol::constrain_marker: return special_->constrain;
    default: return special_->message;
  }
}

int HeaderGraph::step(int node, Token token, std::string_view text) const {
  if (!text.empty()) {
    for (size_t i = 0; i < text.size() && node >= 0; ++i) node = next(node, static_cast<uint8_t>(text[i]));
    return node;
  }
  for (const Edge& edge : nodes_[node])
    if (edge.symbol >= Symbol::start_marker && token_of(edge.symbol) == token) return edge.to;
  return -1;
}

const Header* HeaderGraph::header(int node) const {
  const auto found = headers_.find(node);
  return found == headers_.end() ? nullptr : &found->second;
}

void HeaderGraph::fill(int node, const TokenTable& table, TokenMask& mask) const {
  for (const Edge& edge : nodes_[node])
    if (edge.symbol >= Symbol::start_marker) allow(mask, token_of(edge.symbol));
  fill_text(node, table.all(), table, mask);
}

// As deep as the longest token that a header holds.
void HeaderGraph::fill_text(int node, TokenTable::Range range, const TokenTable& table, TokenMask& mask) const {
  for (const Edge& edge : nodes_[node]) {
    if (edge.symbol >= Symbol::start_marker) continue;
    const TokenTable::Range longer = table.narrowed(range, static_cast<uint8_t>(edge.symbol));
    if (longer.empty()) continue;
    table.for_exact(longer, [&](Token id) { allow(mask, id); });
    fill_text(edge.to, longer, table, mask);
  }
}

}  // namespace mxpath::grammar
