#include <algorithm>
#include <cassert>

#include "kernels/linear/linear.h"
#include "model/dispatch.h"
#include "model/layer.h"
#include "plan/workspace.h"

namespace mxpath {

void stage(const Model& m, State& s, const Batch& batch) {
  const size_t n = batch.tokens.size();
  assert(n <= static_cast<size_t>(s.capacity));
  s.staged = static_cast<int>(n);
  s.sequences = std::clamp(static_cast<int>(batch.sequences.size()), 1, std::max(s.staged, 1));
  const size_t views = n * static_cast<size_t>(m.config.layers);
  for (size_t layer = 0; layer < static_cast<size_t>(m.config.layers); ++layer)
    for (size_t t = 0; t < n; ++t) s.kv[layer * n + t] = batch.sequences[static_cast<size_t>(batch.slots[t])][layer];
  // Tokens and positions ride behind the views, so that one copy brings all of them; the stream keeps its error for
  // whoever waits.
  auto* behind = reinterpret_cast<int32_t*>(s.kv.data() + views);
  std::copy_n(batch.tokens.data(), n, behind);
  std::copy_n(batch.positions.data(), n, behind + n);
  for (Room& room : s.rooms) {
    Activations& a = room.activations;
    if (!room.device.is_gpu()) {
      a.tokens = batch.tokens.data();
      a.positions = batch.positions.data();
      a.kv = s.kv.data();
      continue;
    }
    a.tokens = reinterpret_cast<const int32_t*>(a.kv + views);
    a.positions = a.tokens + n;
    (void)room.stream.copy_in(const_cast<const KvView**>(a.kv), s.kv.data(), (views + n) * sizeof(KvView*));
  }
}

void run_layers(const Model& m, State& s) {
  embed(m, s);
  for (int layer = 0; layer < m.config.layers; ++layer) attention_block(m, s, layer), experts_block(m, s, layer);
  final_norm(m, s);
}

void forward(const Model& m, State& s, const Batch& batch) {
  stage(m, s, batch);
  run_layers(m, s);
}

void head(const Model& m, State& s, int first, int count) {
  assert(count <= logit_rows);
  Activations& a = s.on(m.plan.placement.head());
  run(*s.sites.head, {.tokens = count},
      LinearArgs{.weights = &m.weights.head.matrix,
                 .x = a.t + int64_t{first} * m.config.hidden,
                 .x_stride = m.config.hidden,
                 .y = a.logits,
                 .y_stride = m.config.vocab,
                 .tokens = count,
                 .scratch = a.scratch,
                 .threads = s.threads,
                 .stream = a.stream},
      s.trace);
}

Result<const float*> read_logits(const Model& m, State& s, int count) {
  const Activations &there = s.on(m.plan.placement.head()), &here = s.on(cpu_device);
  const size_t bytes = static_cast<size_t>(count) * static_cast<size_t>(m.config.vocab) * sizeof(float);
  if (there.logits != here.logits) MXPATH_CHECK(there.stream->copy_out(here.logits, there.logits, bytes));
  return static_cast<const float*>(here.logits);
}

}  // namespace mxpath
