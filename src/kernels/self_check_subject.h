// What the checks of all operations share: the row under test, and how it is called.
#pragma once
#include <limits>
#include <vector>

#include "base/buffer.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "checkpoint/config.h"
#include "kernels/host_runner.h"
#include "kernels/self_check_problem.h"
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
};

inline constexpr float poison = std::numeric_limits<float>::quiet_NaN();

/// Runs the row; what keeps it from running is a finding.
template <class Args>
void call(Subject& s, Comparison& out, const Args& args) {
  const Status status = s.runner.run(s.path, args);
  if (status.ok()) return;
  out.worst = 1e9;
  if (out.finding.empty()) out.finding = status.error().message;
}

inline Buffer scratch_of(size_t bytes) {
  auto memory = Buffer::allocate(bytes);
  return memory.ok() ? std::move(memory).value() : Buffer();
}

/// The two kinds of matrix product (self_check_matmul.cpp): exactly for every count and every element, then a random problem.
void check_linear(Subject& s, Comparison& out);
void check_moe(Subject& s, Comparison& out);

}  // namespace mxpath
