#include <algorithm>
#include <cassert>

#include "kernels/embed/embed.h"
#include "kernels/linear/linear.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/norm/norm.h"
#include "model/dispatch.h"
#include "model/layer.h"
#include "plan/memory.h"

namespace mxpath {

Result<State> State::create(const ModelConfig& c, const Plan& plan, int tokens) {
  State s;
  s.capacity = tokens;
  const int64_t n = tokens, rows = n * c.experts_per_token;
  MXPATH_TRY(s.memory, Buffer::allocate(4 * (activation_floats(c, tokens) + static_cast<uint64_t>(c.vocab))));
  float* next = s.memory.as<float>();
  const auto take = [&](int64_t count) { return std::exchange(next, next + count); };
  s.x = take(n * c.hidden), s.t = take(n * c.hidden);
  s.qkv = take(n * (c.q_width() + 2 * c.kv_width())), s.attended = take(n * c.q_width());
  s.router_logits = take(n * c.experts);
  s.u = take(rows * 2 * c.intermediate), s.h = take(rows * c.intermediate);
  s.expert_weight = take(rows), s.expert = reinterpret_cast<int32_t*>(take(rows)), s.order = reinterpret_cast<int32_t*>(take(rows));
  s.logits = take(c.vocab);
  s.first.resize(static_cast<size_t>(c.experts) + 1), s.kv.resize(static_cast<size_t>(tokens));
  const int64_t widest = std::max(c.hidden, c.q_width());
  const size_t scratch = std::max({linear_scratch_bytes(n, widest, plan.threads), moe_scratch_bytes(rows, c.hidden, plan.threads), moe_scratch_bytes(rows, c.intermediate, plan.threads)});
  MXPATH_TRY(s.scratch, Buffer::allocate(scratch));
  return s;
}

void forward(const Model& m, State& s, const Batch& batch) {
  const int n = static_cast<int>(batch.tokens.size());
  assert(n <= s.capacity);
  run(m.plan.site("embed"), n, EmbedArgs{.table = &m.weights.embedding.matrix, .tokens = batch.tokens.data(), .count = n, .y = s.x}, s.trace);
  const LayerSites sites(m.plan);
  for (int layer = 0; layer < m.config.layers; ++layer) run_layer(m, sites, s, batch, layer);
  run(*sites.norm, n, NormArgs{.x = s.x, .scale = m.weights.final_norm.data(), .y = s.t, .width = m.config.hidden, .tokens = n, .eps = m.config.norm_eps, .threads = s.threads}, s.trace);
}

void head(const Model& m, State& s, int first, int count, float* logits) {
  run(m.plan.site("head"), count,
      LinearArgs{.weights = &m.weights.head.matrix, .x = s.t + int64_t{first} * m.config.hidden, .x_stride = m.config.hidden, .y = logits, .y_stride = m.config.vocab, .tokens = count, .scratch = s.scratch.data(), .threads = s.threads}, s.trace);
}

}  // namespace mxpath
