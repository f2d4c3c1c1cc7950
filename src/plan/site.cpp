#include "plan/site.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mxpath {
namespace {

/// Experts that `tokens` tokens touch when routing is uniform: E (1 - (1 - k/E)^tokens).
double touched_experts(const Site& site, int64_t tokens) {
  const double share = static_cast<double>(site.experts_per_token) / site.experts;
  return site.experts * (1 - std::pow(1 - share, static_cast<double>(tokens)));
}

Work matrix_work(const Site& site, Layout layout, double tokens) {
  const double experts = site.experts > 1 ? touched_experts(site, static_cast<int64_t>(tokens)) : 1;
  const double calls = tokens * (site.experts > 1 ? site.experts_per_token : 1);
  const double n = static_cast<double>(site.n), k = static_cast<double>(site.k);
  return {experts * static_cast<double>(layout_bytes_read(layout, site.n, site.k)) + 4 * calls * (n + k), 2 * calls * n * k};
}

/// Every query of the batch sees site.keys keys; the cache is read once for the batch. Whether many tokens are a prompt from its beginning,
/// a chunk late in a long text or the next tokens of many answers, their number does not tell: who knows sets site.keys.
Work attention_work(const Site& site, double tokens) {
  const double keys = static_cast<double>(site.keys), kv = site.kv_heads * site.head_dim, q = site.heads * site.head_dim;
  return {2 * 2 * kv * (keys + tokens) + 8 * q * tokens, 4 * q * keys * tokens};
}

}  // namespace

std::string_view name_of(Op op) {
  constexpr std::array<std::string_view, op_count> names = {"embed",  "norm",        "linear", "rope",     "attention",
                                                            "router", "moe_gate_up", "swiglu", "moe_down", "sample"};
  return names[static_cast<size_t>(op)];
}

Work work_of(const Site& site, Layout layout, int64_t token_count) {
  const double tokens = static_cast<double>(token_count), width = static_cast<double>(site.n);
  switch (site.op) {
    case Op::linear:
    case Op::router:
    case Op::moe_gate_up:
    case Op::moe_down: return matrix_work(site, layout, tokens);
    case Op::attention: return attention_work(site, tokens);
    case Op::embed: return {6 * static_cast<double>(site.k) * tokens, 0};
    case Op::norm: return {12 * width * tokens, 4 * width * tokens};
    case Op::rope: return {8 * width * tokens, 6 * width * tokens};
    case Op::swiglu: return {12 * width * tokens * site.experts_per_token, 30 * width * tokens * site.experts_per_token};
    case Op::sample: return {4 * width, 2 * width};
  }
  return {};
}

}  // namespace mxpath
