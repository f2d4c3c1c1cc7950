#include "model/layer.h"

#include <cmath>

#include "kernels/embed/embed.h"
#include "kernels/linear/linear.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/norm/norm.h"
#include "kernels/router/router.h"
#include "kernels/swiglu/swiglu.h"
#include "model/dispatch.h"

namespace mxpath {
namespace {

/// t = norm(x) for the whole batch, both on this device.
void norm(const Model& m, const SitePlan& site, State& s, const OwnedVector& scale) {
  const DeviceId device = site.site.device;
  Activations& a = s.on(device);
  run(site, s.call(),
      NormArgs{.x = a.x,
               .scale = scale.on(device),
               .y = a.t,
               .width = m.config.hidden,
               .tokens = s.staged,
               .eps = m.config.norm_eps,
               .threads = s.threads,
               .stream = a.stream},
      s.trace);
}

/// q, k and v of the batch lie side by side in a.qkv, already turned.
void attend(const Model& m, State& s, int layer) {
  const ModelConfig& c = m.config;
  const LayerWeights& w = m.weights.layers[static_cast<size_t>(layer)];
  const SitePlan& site = *s.sites.layers[static_cast<size_t>(layer)].attention;
  const DeviceId device = site.site.device;
  Activations& a = s.on(device);
  const int n = s.staged;
  run(site, s.call(),
      AttentionArgs{.q = a.qkv,
                    .q_stride = c.q_width() + 2 * c.kv_width(),
                    .y = a.attended,
                    .k = a.qkv + c.q_width(),
                    .v = a.qkv + c.q_width() + c.kv_width(),
                    .sinks = w.sinks.on(device),
                    .positions = a.positions,
                    .kv = a.kv + int64_t{layer} * n,
                    .tokens = n,
                    .heads = c.heads,
                    .kv_heads = c.kv_heads,
                    .head_dim = c.head_dim,
                    .window = w.sliding ? c.sliding_window : 0,
                    .scale = 1 / std::sqrt(static_cast<float>(c.head_dim)),
                    .scratch = a.scratch,
                    .threads = s.threads,
                    .stream = a.stream},
      s.trace);
}

}  // namespace

Activations& move_residual_to(const Model& model, State& state, DeviceId device) {
  Activations& there = state.on(device);
  if (state.where == device) return there;
  const size_t bytes = static_cast<size_t>(state.staged) * static_cast<size_t>(model.config.hidden) * sizeof(float);
  Room& from = state.room(state.where);
  // Streams keep an error of these copies; whoever waits for the forward sees it.
  if (!from.stream.copy_to_peer(*there.stream, there.x, from.activations.x, bytes)) {
    float* host = state.on(cpu_device).x;
    if (from.activations.x != host) (void)from.stream.copy_out(host, from.activations.x, bytes);
    if (there.x != host) (void)there.stream->copy_in(there.x, host, bytes);
  }
  state.where = device;
  return there;
}

void attention_block(const Model& m, State& s, int layer) {
  const ModelConfig& c = m.config;
  const LayerWeights& w = m.weights.layers[static_cast<size_t>(layer)];
  const LayerSites& sites = s.sites.layers[static_cast<size_t>(layer)];
  const DeviceId device = m.plan.placement.attention(layer);
  Activations& a = move_residual_to(m, s, device);
  const int n = s.staged;
  const int64_t width = c.q_width() + 2 * c.kv_width();

  norm(m, *sites.attention_norm, s, w.attention_norm);
  run(*sites.qkv, s.call(),
      LinearArgs{.weights = &w.qkv.matrix,
                 .bias = w.qkv_bias.on(device),
                 .x = a.t,
                 .x_stride = c.hidden,
                 .y = a.qkv,
                 .y_stride = width,
                 .tokens = n,
                 .scratch = a.scratch,
                 .threads = s.threads,
                 .stream = a.stream},
      s.trace);
  // q and k lie side by side, so that one call turns both.
  run(*sites.rope, s.call(),
      RopeArgs{.x = a.qkv,
               .x_stride = width,
               .positions = a.positions,
               .inverse_frequency = m.rope_on(device),
               .attention_factor = m.rope.attention_factor,
               .tokens = n,
               .heads = c.heads + c.kv_heads,
               .head_dim = c.head_dim,
               .threads = s.threads,
               .stream = a.stream},
      s.trace);
  attend(m, s, layer);
  run(*sites.output, s.call(),
      LinearArgs{.weights = &w.output.matrix,
                 .bias = w.output_bias.on(device),
                 .x = a.attended,
                 .x_stride = c.q_width(),
                 .y = a.x,
                 .y_stride = c.hidden,
                 .tokens = n,
                 .accumulate = true,
                 .scratch = a.scratch,
                 .threads = s.threads,
                 .stream = a.stream},
      s.trace);
}

void experts_block(const Model& m, State& s, int layer) {
  const ModelConfig& c = m.config;
  const LayerWeights& w = m.weights.layers[static_cast<size_t>(layer)];
  const LayerSites& sites = s.sites.layers[static_cast<size_t>(layer)];
  const DeviceId device = m.plan.placement.experts(layer);
  Activations& a = move_residual_to(m, s, device);
  const int n = s.staged;

  norm(m, *sites.mlp_norm, s, w.mlp_norm);
  run(*sites.router, s.call(),
      RouterArgs{.weights = &w.router.matrix,
                 .bias = w.router_bias.on(device),
                 .x = a.t,
                 .tokens = n,
                 .experts_per_token = c.experts_per_token,
                 .logits = a.router_logits,
                 .expert = a.expert,
                 .weight = a.expert_weight,
                 .first = a.first,
                 .order = a.order,
                 .threads = s.threads,
                 .stream = a.stream},
      s.trace);
  const ExpertBatches batches{c.experts, c.experts_per_token, n, a.first, a.order, a.expert_weight};
  run(*sites.gate_up, s.call(),
      MoeMatmulArgs{.weights = &w.gate_up.matrix,
                    .bias = w.gate_up_bias.on(device),
                    .x = a.t,
                    .y = a.u,
                    .batches = &batches,
                    .scratch = a.scratch,
                    .threads = s.threads,
                    .stream = a.stream},
      s.trace);
  run(*sites.swiglu, s.call(),
      SwigluArgs{.u = a.u,
                 .h = a.h,
                 .rows = int64_t{n} * c.experts_per_token,
                 .width = c.intermediate,
                 .limit = c.swiglu_limit,
                 .alpha = c.swiglu_alpha,
                 .threads = s.threads,
                 .stream = a.stream},
      s.trace);
  run(*sites.down, s.call(),
      MoeMatmulArgs{.weights = &w.down.matrix,
                    .bias = w.down_bias.on(device),
                    .x = a.h,
                    .y = a.x,
                    .batches = &batches,
                    .scratch = a.scratch,
                    .threads = s.threads,
                    .stream = a.stream},
      s.trace);
}

void embed(const Model& m, State& s) {
  const DeviceId device = m.plan.placement.embedding();
  Activations& a = s.on(device);
  s.where = device;
  run(*s.sites.embed, s.call(),
      EmbedArgs{.table = &m.weights.embedding.matrix, .tokens = a.tokens, .count = s.staged, .y = a.x, .stream = a.stream}, s.trace);
}

void final_norm(const Model& m, State& s) {
  move_residual_to(m, s, m.plan.placement.head());
  norm(m, *s.sites.final_norm, s, m.weights.final_norm);
}

}  // namespace mxpath
