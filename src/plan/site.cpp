#include "plan/site.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace mxpath {
namespace {

/// Experts that `tokens` tokens touch when routing is uniform: E (1 - (1 - k/E)^tokens).
double touched_experts(const Site& site, double tokens) {
  const double share = static_cast<double>(site.experts_per_token) / site.experts;
  return site.experts * (1 - std::pow(1 - share, tokens));
}

Work matrix_work(const Site& site, Layout layout, double tokens) {
  const double experts = site.experts > 1 ? touched_experts(site, tokens) : 1;
  const double calls = tokens * (site.experts > 1 ? site.experts_per_token : 1);
  const double n = static_cast<double>(site.n), k = static_cast<double>(site.k);
  return {experts * static_cast<double>(layout_bytes_read(layout, site.n, site.k)) + 4 * calls * (n + k),
          2 * calls * n * k};
}

/// Every query sees the same number of keys; the cache of each sequence is read once.
Work attention_work(const Site& site, const Call& call) {
  const double keys = static_cast<double>(keys_seen(site, call)), kv = site.kv_heads * site.head_dim,
               q = site.heads * site.head_dim, tokens = call.tokens, cached = call.sequences * keys + tokens;
  return {2 * bits_per_value(site.kv) / 8 * kv * cached + 8 * q * tokens, 4 * q * keys * tokens};
}

}  // namespace

std::string title_of(const Site& site) {
  std::vector<std::string> notes;
  if (!site.stored_alike) notes.push_back(site.layers.to_string());
  if (!site.shard.is_whole()) notes.push_back(fmt::format("shard {} of {}", site.shard.rank + 1, site.shard.of));
  if (site.adapters > 0) notes.push_back(fmt::format("{} adapters", site.adapters));
  return notes.empty() ? std::string(site.name()) : fmt::format("{} ({})", site.name(), fmt::join(notes, ", "));
}

int64_t keys_seen(const Site& site, const Call& call) {
  if (call.keys == 0) return site.keys;
  return site.row().layers == LayerKind::sliding ? std::min(site.keys, call.keys) : call.keys;
}

Load load_of(const Site& site, Layout layout, const Call& call) {
  return {call.tokens, work_of(site, layout, call), work_of(site, layout, {.keys = call.keys})};
}

Work work_of(const Site& site, Layout layout, const Call& call) {
  const double tokens = call.tokens, width = static_cast<double>(site.n);
  switch (site.op()) {
    case Op::linear:
    case Op::router:
    case Op::moe_gate_up:
    case Op::moe_down: return matrix_work(site, layout, tokens);
    case Op::attention: return attention_work(site, call);
    case Op::embed: return {6 * static_cast<double>(site.k) * tokens, 0};
    case Op::norm: return {12 * width * tokens, 4 * width * tokens};
    case Op::rope: return {8 * width * tokens, 6 * width * tokens};
    case Op::swiglu:
      return {12 * width * tokens * site.experts_per_token, 30 * width * tokens * site.experts_per_token};
    case Op::sample: return {4 * width * call.sequences, 2 * width * call.sequences};
    case Op::attention_block:
    case Op::experts_block: break;  // that of their parts
  }
  return {};
}

}  // namespace mxpath
