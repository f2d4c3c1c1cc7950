#include "model/layer.h"

#include <algorithm>
#include <cmath>

#include "kernels/linear/linear.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/norm/norm.h"
#include "kernels/router/router.h"
#include "kernels/swiglu/swiglu.h"
#include "model/dispatch.h"

namespace mxpath {
namespace {

void norm(const Model& m, const LayerSites& sites, State& s, const std::vector<float>& scale, int n) {
  run(*sites.norm, n, NormArgs{.x = s.x, .scale = scale.data(), .y = s.t, .width = m.config.hidden, .tokens = n, .eps = m.config.norm_eps, .threads = s.threads}, s.trace);
}

void find_caches(State& s, const Batch& batch, int layer) {
  for (size_t t = 0; t < batch.tokens.size(); ++t) s.kv[t] = &batch.sequences[static_cast<size_t>(batch.slots[t])][static_cast<size_t>(layer)];
}

void attention_block(const Model& m, const LayerSites& sites, State& s, const Batch& batch, int layer) {
  const ModelConfig& c = m.config;
  const LayerWeights& w = m.weights.layers[static_cast<size_t>(layer)];
  const int n = static_cast<int>(batch.tokens.size());
  const int64_t width = c.q_width() + 2 * c.kv_width();

  norm(m, sites, s, w.attention_norm, n);
  run(*sites.qkv, n, LinearArgs{.weights = &w.qkv.matrix, .bias = w.qkv_bias.data(), .x = s.t, .x_stride = c.hidden, .y = s.qkv, .y_stride = width, .tokens = n, .scratch = s.scratch.data(), .threads = s.threads}, s.trace);
  // q and k lie side by side, so that one call turns both.
  run(*sites.rope, n, RopeArgs{.x = s.qkv, .x_stride = width, .positions = batch.positions.data(), .inverse_frequency = m.rope.inverse_frequency.data(), .attention_factor = m.rope.attention_factor, .tokens = n, .heads = c.heads + c.kv_heads, .head_dim = c.head_dim, .threads = s.threads}, s.trace);
  find_caches(s, batch, layer);
  run(w.sliding ? *sites.sliding : *sites.full, n,
      AttentionArgs{.q = s.qkv, .q_stride = width, .y = s.attended, .k = s.qkv + c.q_width(), .v = s.qkv + c.q_width() + c.kv_width(), .sinks = w.sinks.data(), .positions = batch.positions.data(), .kv = s.kv.data(), .tokens = n, .heads = c.heads, .kv_heads = c.kv_heads, .head_dim = c.head_dim,
                    .window = w.sliding ? c.sliding_window : 0, .scale = 1 / std::sqrt(static_cast<float>(c.head_dim)), .threads = s.threads}, s.trace);
  run(*sites.output, n, LinearArgs{.weights = &w.output.matrix, .bias = w.output_bias.data(), .x = s.attended, .x_stride = c.q_width(), .y = s.x, .y_stride = c.hidden, .tokens = n, .accumulate = true, .scratch = s.scratch.data(), .threads = s.threads}, s.trace);
}

void experts_block(const Model& m, const LayerSites& sites, State& s, int layer, int n) {
  const ModelConfig& c = m.config;
  const LayerWeights& w = m.weights.layers[static_cast<size_t>(layer)];
  const int64_t rows = int64_t{n} * c.experts_per_token;

  norm(m, sites, s, w.mlp_norm, n);
  run(*sites.router, n, RouterArgs{.weights = &w.router.matrix, .bias = w.router_bias.data(), .x = s.t, .tokens = n, .experts_per_token = c.experts_per_token, .logits = s.router_logits, .expert = s.expert, .weight = s.expert_weight, .first = s.first.data(), .order = s.order, .threads = s.threads}, s.trace);
  const ExpertBatches batches{c.experts, c.experts_per_token, n, s.first.data(), s.order, s.expert_weight};
  run(*sites.gate_up, n, MoeMatmulArgs{.weights = &w.gate_up.matrix, .bias = w.gate_up_bias.data(), .x = s.t, .y = s.u, .batches = &batches, .scratch = s.scratch.data(), .threads = s.threads}, s.trace);
  run(*sites.swiglu, n, SwigluArgs{.u = s.u, .h = s.h, .rows = rows, .width = c.intermediate, .limit = c.swiglu_limit, .alpha = c.swiglu_alpha, .threads = s.threads}, s.trace);
  run(*sites.down, n, MoeMatmulArgs{.weights = &w.down.matrix, .bias = w.down_bias.data(), .x = s.h, .y = s.x, .batches = &batches, .scratch = s.scratch.data(), .threads = s.threads}, s.trace);
}

const SitePlan* find(const Plan& plan, std::string_view name) {
  const auto at = std::ranges::find_if(plan.sites, [&](const SitePlan& site) { return site.site.name == name; });
  return at == plan.sites.end() ? nullptr : &*at;
}

}  // namespace

LayerSites::LayerSites(const Plan& plan)
    : norm(find(plan, "norm")), qkv(find(plan, "attention.qkv")), rope(find(plan, "rope")), sliding(find(plan, "attention.sliding")), full(find(plan, "attention.full")), output(find(plan, "attention.output")),
      router(find(plan, "router")), gate_up(find(plan, "moe.gate_up")), swiglu(find(plan, "swiglu")), down(find(plan, "moe.down")) {}

void run_layer(const Model& model, const LayerSites& sites, State& state, const Batch& batch, int layer) {
  attention_block(model, sites, state, batch, layer);
  experts_block(model, sites, state, layer, static_cast<int>(batch.tokens.size()));
}

}  // namespace mxpath
