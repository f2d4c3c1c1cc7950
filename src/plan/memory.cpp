#include "plan/memory.h"

#include <algorithm>

#include "base/text.h"

namespace mxpath {
namespace {

constexpr int64_t kv_block = 64;
constexpr uint64_t system_reserve = uint64_t{512} << 20;   // left to the system and the program itself

int64_t blocks(int64_t slots) { return (slots + kv_block - 1) / kv_block * kv_block; }

/// Norm scales, biases and sinks, held as FP32.
uint64_t vector_bytes(const ModelConfig& c) {
  const int64_t layer = 2 * c.hidden + c.q_width() + 2 * c.kv_width() + c.hidden + c.heads + c.experts + int64_t{c.experts} * (2 * c.intermediate + c.hidden);
  return 4 * static_cast<uint64_t>(c.layers * layer + c.hidden);
}

}  // namespace

int64_t kv_capacity(const ModelConfig& config, bool sliding, int context, int chunk) {
  return sliding ? std::min<int64_t>(context, int64_t{config.sliding_window} + chunk) : context;
}

uint64_t kv_cache_bytes(const ModelConfig& config, int context, int chunk) {
  uint64_t slots = 0;
  for (bool sliding : config.sliding) slots += static_cast<uint64_t>(blocks(kv_capacity(config, sliding, context, chunk)));
  return slots * 2 * 2 * static_cast<uint64_t>(config.kv_width());
}

uint64_t activation_floats(const ModelConfig& c, int tokens) {
  const uint64_t rows = static_cast<uint64_t>(tokens) * static_cast<uint64_t>(c.experts_per_token);
  const uint64_t per_token = 2 * uint64_t(c.hidden) + uint64_t(c.q_width() + 2 * c.kv_width()) + uint64_t(c.q_width()) + uint64_t(c.experts);
  return static_cast<uint64_t>(tokens) * per_token + rows * (3 * uint64_t(c.intermediate) + 3);
}

MemoryPlan plan_memory(const Manifest& manifest, const Plan& plan, const Machine& machine, const Policy& policy) {
  const ModelConfig& c = manifest.config;
  MemoryPlan memory;
  memory.weights = vector_bytes(c);
  for (const SitePlan& site : plan.sites) {
    const uint64_t bytes = layout_bytes(site.layout, site.site.experts, site.site.n, site.site.k) * static_cast<uint64_t>(site.site.count);
    const bool in_place = site.site.op == Op::embed && site.site.stored == site.site.format;
    (in_place ? memory.mapped : memory.weights) += bytes;
  }
  memory.kv_cache = kv_cache_bytes(c, plan.context, plan.chunk);
  // Kernels keep their inputs once more in packed form and a panel of weights for each thread.
  const uint64_t widest = static_cast<uint64_t>(std::max({c.hidden, c.q_width(), c.intermediate}));
  const uint64_t rows = static_cast<uint64_t>(plan.chunk) * static_cast<uint64_t>(c.experts_per_token);
  memory.scratch = 4 * (activation_floats(c, plan.chunk) + static_cast<uint64_t>(c.vocab)) + 4 * widest * (rows + 64 * static_cast<uint64_t>(plan.threads));
  memory.available = policy.memory_budget ? policy.memory_budget : machine.memory - std::min(machine.memory / 4, system_reserve);
  return memory;
}

Status check_memory(const Plan& plan) {
  const MemoryPlan& m = plan.memory;
  if (m.fits()) return {};
  const std::string needs = fmt::format("the model needs {} of memory (weights {}, key/value cache {} for {} tokens of context, scratch {}) and {} are available",
                                        human_bytes(double(m.total())), human_bytes(double(m.weights)), human_bytes(double(m.kv_cache)), plan.context, human_bytes(double(m.scratch)), human_bytes(double(m.available)));
  const uint64_t fixed = m.weights + m.scratch;
  for (int context = plan.context / 2; fixed < m.available && context >= 128; context /= 2)
    if (fixed + m.kv_cache / static_cast<uint64_t>(plan.context) * static_cast<uint64_t>(context) <= m.available) return fail("{}; --ctx {} would fit", needs, context);
  return fail("{}; it needs a machine with more memory, or a smaller model or weights format", needs);
}

}  // namespace mxpath
