#include <algorithm>
#include <cassert>

#include "kernels/linear/linear.h"
#include "model/dispatch.h"
#include "model/layer.h"
#include "plan/workspace.h"

namespace mxpath {

void stage(const Model&, State& s, const Batch& batch) {
  const size_t n = batch.tokens.size();
  assert(n <= static_cast<size_t>(s.capacity));
  s.staged = static_cast<int>(n);
  s.sequences = std::clamp(batch.sequences, 1, std::max(s.staged, 1)), s.singles = batch.singles;
  s.kv.assign(batch.kv.begin(), batch.kv.end());
  int32_t* here = s.on(cpu_device).batch;
  std::copy_n(batch.tokens.data(), n, here);
  std::copy_n(batch.positions.data(), n, here + n);
  std::copy_n(batch.slots.data(), n, here + 2 * n);
  for (Room& room : s.rooms) {
    Activations& a = room.activations;
    a.tokens = a.batch, a.positions = a.batch + n, a.slots = a.batch + 2 * n;
    // The stream keeps its error for whoever waits.
    if (room.device.is_gpu() && a.batch) (void)room.stream.copy_in(a.batch, here, 3 * n * sizeof(int32_t));
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

namespace {

void head_of(const Model& m, State& s, const float* rows, int count) {
  assert(count <= logit_rows_of(m.plan));
  Activations& a = s.on(m.plan.placement.head());
  run(*s.sites.head, {.tokens = count},
      LinearArgs{.weights = &m.weights.head.matrix,
                 .x = rows,
                 .x_stride = m.config.hidden,
                 .y = a.logits,
                 .y_stride = m.config.vocab,
                 .tokens = count,
                 .scratch = a.scratch,
                 .threads = s.threads,
                 .stream = a.stream},
      s.trace);
}

}  // namespace

void head(const Model& m, State& s, int first, int count) {
  head_of(m, s, s.on(m.plan.placement.head()).t + int64_t{first} * m.config.hidden, count);
}

void head(const Model& m, State& s, std::span<const int32_t> tokens) {
  Activations& a = s.on(m.plan.placement.head());
  const size_t count = tokens.size(), width = static_cast<size_t>(m.config.hidden);
  // Tokens that follow each other are read where they are: those of a decode do.
  if (count > 0 && tokens.back() - tokens.front() + 1 == static_cast<int32_t>(count))
    return head(m, s, tokens.front(), static_cast<int>(count));
  for (size_t begin = 0, end; begin < count; begin = end) {
    for (end = begin + 1; end < count && tokens[end] == tokens[end - 1] + 1;) ++end;
    a.stream->copy_within(a.rows + begin * width, a.t + static_cast<size_t>(tokens[begin]) * width,
                          (end - begin) * width * sizeof(float));
  }
  head_of(m, s, a.rows, static_cast<int>(count));
}

Result<const float*> read_logits(const Model& m, State& s, int count) {
  const Activations &there = s.on(m.plan.placement.head()), &here = s.on(cpu_device);
  const size_t bytes = static_cast<size_t>(count) * static_cast<size_t>(m.config.vocab) * sizeof(float);
  if (there.logits != here.logits) MXPATH_CHECK(there.stream->copy_out(here.logits, there.logits, bytes));
  return static_cast<const float*>(here.logits);
}

}  // namespace mxpath
