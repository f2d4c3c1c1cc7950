#include "model/layer.h"

#include <cmath>

#include "kernels/attention_block/attention_block.h"
#include "kernels/embed/embed.h"
#include "kernels/experts_block/experts_block.h"
#include "model/dispatch.h"

namespace mxpath {
namespace {

/// t = norm(x) for the whole batch, both on this device.
NormArgs norm_args(const Model& m, const State& s, const Activations& a, const OwnedVector& scale, DeviceId device) {
  return {.x = a.x,
          .scale = scale.on(device),
          .y = a.t,
          .width = m.config.hidden,
          .tokens = s.staged,
          .eps = m.config.norm_eps,
          .threads = s.threads,
          .stream = a.stream};
}

/// Over q, k and v of the batch, which lie side by side in a.qkv, already turned.
AttentionArgs attention_args(const Model& m, const State& s, const Activations& a, int layer, DeviceId device) {
  const ModelConfig& c = m.config;
  const LayerWeights& w = m.weights.layers[static_cast<size_t>(layer)];
  return {.q = a.qkv,
          .q_stride = c.q_width() + 2 * c.kv_width(),
          .y = a.attended,
          .k = a.qkv + c.q_width(),
          .v = a.qkv + c.q_width() + c.kv_width(),
          .sinks = w.sinks.on(device),
          .positions = a.positions,
          .slots = a.slots,
          .kv = s.kv[static_cast<size_t>(layer)],
          .tokens = s.staged,
          .heads = c.heads,
          .kv_heads = c.kv_heads,
          .head_dim = c.head_dim,
          .singles = s.singles,
          .window = w.sliding ? c.sliding_window : 0,
          .scale = 1 / std::sqrt(static_cast<float>(c.head_dim)),
          .scratch = a.scratch,
          .threads = s.threads,
          .stream = a.stream};
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
  const Call call = s.call();
  const int64_t width = c.q_width() + 2 * c.kv_width();
  const AttentionBlockArgs args{
      .norm = {&sites.attention_norm->path_for(call), norm_args(m, s, a, w.attention_norm, device)},
      .qkv = {&sites.qkv->path_for(call),
              {.weights = &w.qkv.matrix,
               .bias = w.qkv_bias.on(device),
               .x = a.t,
               .x_stride = c.hidden,
               .y = a.qkv,
               .y_stride = width,
               .tokens = s.staged,
               .scratch = a.scratch,
               .threads = s.threads,
               .stream = a.stream}},
      // q and k lie side by side, so that one call turns both.
      .rope = {&sites.rope->path_for(call),
               {.x = a.qkv,
                .x_stride = width,
                .positions = a.positions,
                .inverse_frequency = m.rope_on(device),
                .attention_factor = m.rope.attention_factor,
                .tokens = s.staged,
                .heads = c.heads + c.kv_heads,
                .head_dim = c.head_dim,
                .threads = s.threads,
                .stream = a.stream}},
      .attention = {&sites.attention->path_for(call), attention_args(m, s, a, layer, device)},
      .output = {&sites.output->path_for(call),
                 {.weights = &w.output.matrix,
                  .bias = w.output_bias.on(device),
                  .x = a.attended,
                  .x_stride = c.q_width(),
                  .y = a.x,
                  .y_stride = c.hidden,
                  .tokens = s.staged,
                  .accumulate = true,
                  .scratch = a.scratch,
                  .threads = s.threads,
                  .stream = a.stream}},
      .trace = s.trace};
  run(*sites.attention_block, call, args, s.trace);
}

void experts_block(const Model& m, State& s, int layer) {
  const ModelConfig& c = m.config;
  const LayerWeights& w = m.weights.layers[static_cast<size_t>(layer)];
  const LayerSites& sites = s.sites.layers[static_cast<size_t>(layer)];
  const DeviceId device = m.plan.placement.experts(layer);
  Activations& a = move_residual_to(m, s, device);
  const Call call = s.call();
  const ExpertBatches batches{c.experts, c.experts_per_token, s.staged, a.first, a.order, a.expert_weight};
  const ExpertsBlockArgs args{.norm = {&sites.mlp_norm->path_for(call), norm_args(m, s, a, w.mlp_norm, device)},
                              .router = {&sites.router->path_for(call),
                                         {.weights = &w.router.matrix,
                                          .bias = w.router_bias.on(device),
                                          .x = a.t,
                                          .tokens = s.staged,
                                          .experts_per_token = c.experts_per_token,
                                          .logits = a.router_logits,
                                          .expert = a.expert,
                                          .weight = a.expert_weight,
                                          .first = a.first,
                                          .order = a.order,
                                          .threads = s.threads,
                                          .stream = a.stream}},
                              .gate_up = {&sites.gate_up->path_for(call),
                                          {.weights = &w.gate_up.matrix,
                                           .bias = w.gate_up_bias.on(device),
                                           .x = a.t,
                                           .y = a.u,
                                           .batches = &batches,
                                           .scratch = a.scratch,
                                           .threads = s.threads,
                                           .stream = a.stream}},
                              .swiglu = {&sites.swiglu->path_for(call),
                                         {.u = a.u,
                                          .h = a.h,
                                          .rows = int64_t{s.staged} * c.experts_per_token,
                                          .width = c.intermediate,
                                          .limit = c.swiglu_limit,
                                          .alpha = c.swiglu_alpha,
                                          .threads = s.threads,
                                          .stream = a.stream}},
                              .down = {&sites.down->path_for(call),
                                       {.weights = &w.down.matrix,
                                        .bias = w.down_bias.on(device),
                                        .x = a.h,
                                        .y = a.x,
                                        .batches = &batches,
                                        .scratch = a.scratch,
                                        .threads = s.threads,
                                        .stream = a.stream}},
                              .trace = s.trace};
  run(*sites.experts_block, call, args, s.trace);
}

void embed(const Model& m, State& s) {
  const DeviceId device = m.plan.placement.embedding();
  Activations& a = s.on(device);
  s.where = device;
  run(*s.sites.embed, s.call(),
      EmbedArgs{
          .table = &m.weights.embedding.matrix, .tokens = a.tokens, .count = s.staged, .y = a.x, .stream = a.stream},
      s.trace);
}

void final_norm(const Model& m, State& s) {
  const DeviceId device = m.plan.placement.head();
  const Activations& a = move_residual_to(m, s, device);
  run(*s.sites.final_norm, s.call(), norm_args(m, s, a, m.weights.final_norm, device), s.trace);
}

}  // namespace mxpath
