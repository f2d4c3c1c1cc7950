// What the checks of all operations share: the row under test, and how it is called.
#pragma once
#include <algorithm>
#include <limits>
#include <vector>

#include "base/buffer.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "checkpoint/config.h"
#include "kernels/attention/attention.h"
#include "kernels/embed/embed.h"
#include "kernels/experts_block/experts_block.h"
#include "kernels/host_runner.h"
#include "kernels/linear/linear.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"
#include "kernels/router/router.h"
#include "kernels/rows.h"
#include "kernels/sample/sample.h"
#include "kernels/scratch.h"
#include "kernels/self_check_problem.h"
#include "kernels/swiglu/swiglu.h"
#include "plan/plan.h"

namespace mxpath {

/// One row to check: what it was chosen for, and with how many tokens to try it.
struct Subject {
  const KernelPath& path;
  const Site& site;
  Layout layout;
  const ModelConfig& config;
  ThreadPool& threads;
  HostRunner& runner;
  std::vector<int> counts;  // ascending
  Random random{20260801};
  uint64_t work =
      0;  // multiply-adds so far, of the row and of what it is compared with: what the check costs, on any computer
};

inline constexpr float poison = std::numeric_limits<float>::quiet_NaN();

/// Multiply-adds of one call, as far as they count: those of an operation that is not a product are few.
inline int64_t work_of(const LinearArgs& a) { return a.tokens * a.weights->rows * a.weights->columns; }
inline int64_t work_of(const MoeMatmulArgs& a) {
  return int64_t{a.batches->tokens} * a.batches->experts_per_token * a.weights->rows * a.weights->columns;
}
inline int64_t work_of(const RouterArgs& a) { return a.tokens * a.weights->rows * a.weights->columns; }
inline int64_t work_of(const AttentionArgs& a) {
  int64_t keys = 0;
  for (int t = 0; t < a.tokens; ++t) keys += a.window ? std::min(a.window, a.positions[t] + 1) : a.positions[t] + 1;
  return 2 * keys * a.heads * a.head_dim;
}
inline int64_t work_of(const EmbedArgs& a) { return a.count * a.table->columns; }
inline int64_t work_of(const NormArgs& a) { return 2 * a.tokens * a.width; }
inline int64_t work_of(const RopeArgs& a) { return int64_t{2} * a.tokens * a.heads * a.head_dim; }
inline int64_t work_of(const SwigluArgs& a) { return 2 * a.rows * a.width; }
inline int64_t work_of(const SampleArgs& a) { return a.vocab; }
inline int64_t work_of(const ExpertsBlockArgs& a) { return work_of(a.gate_up.args); }

/// Runs the row; what keeps it from running is a finding.
template <class Args>
void call(Subject& s, Comparison& out, const Args& args) {
  s.work += static_cast<uint64_t>(work_of(args));
  const Status status = s.runner.run(s.path, args);
  if (status.ok()) return;
  out.worst = 1e9;
  if (out.finding.empty()) out.finding = status.error().message;
}

inline Buffer scratch_of(size_t bytes) {
  auto memory = Buffer::allocate(bytes);
  return memory.ok() ? std::move(memory).value() : Buffer();
}

/// Tries the counts up to `most`, and the first whatever it is.
inline void check_each_count(Subject& s, int most, void (*check)(Subject&, int, Comparison&), Comparison& out) {
  for (int tokens : s.counts)
    if (tokens <= most || tokens == s.counts.front()) check(s, tokens, out);
}

}  // namespace mxpath
