#include "kernels/self_check.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "cuda/cuda.h"
#include "kernels/attention/attention.h"
#include "kernels/embed/embed.h"
#include "kernels/host_runner.h"
#include "kernels/linear/linear.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"
#include "kernels/router/router.h"
#include "kernels/sample/sample.h"
#include "kernels/self_check_problem.h"
#include "kernels/swiglu/swiglu.h"
#include "plan/fault.h"

namespace mxpath {
namespace {

/// One row to check: what it was chosen for, and with how many tokens to try it.
struct Subject {
  const KernelPath& path;
  const Site& site;
  Layout layout;
  const ModelConfig& config;
  ThreadPool& threads;
  HostRunner& runner;
  int tokens;
  Random random{20260801};
};

constexpr int64_t check_rows = 37;   // two tiles of 16 and a ragged one
constexpr float poison = std::numeric_limits<float>::quiet_NaN();

/// Runs the row; what keeps it from running is a finding.
template <class Args>
void call(Subject& s, Comparison& out, const Args& args) {
  const Status status = s.runner.run(s.path, args);
  if (status.ok()) return;
  out.worst = 1e9;
  if (out.finding.empty()) out.finding = status.error().message;
}

Buffer scratch_of(size_t bytes) {
  auto memory = Buffer::allocate(bytes);
  return memory.ok() ? std::move(memory).value() : Buffer();
}

int64_t rows_for(const KernelPath& path) { return (check_rows + path.needs.n_multiple - 1) / path.needs.n_multiple * path.needs.n_multiple; }

void check_linear(Subject& s, bool exact, Comparison& out) {
  const int64_t n = rows_for(s.path), k = s.site.k;
  const KnownMatrix w = known_matrix(s.layout, 1, n, k, exact, s.random);
  const auto x = known_inputs(static_cast<size_t>(s.tokens * k), exact, s.random), bias = known_inputs(static_cast<size_t>(n), exact, s.random);
  std::vector<float> y(static_cast<size_t>(s.tokens * n), poison);
  Buffer scratch = scratch_of(linear_scratch_bytes(s.tokens, k, s.threads.size()));
  call(s, out, LinearArgs{.weights = &w.packed, .bias = bias.data(), .x = x.data(), .x_stride = k, .y = y.data(), .y_stride = n, .tokens = s.tokens, .scratch = scratch.data(), .threads = &s.threads});
  for (int t : sampled_tokens(s.tokens))
    for (int64_t row = 0; row < n; ++row) {
      const DotProduct dot = exact_dot(&x[static_cast<size_t>(t * k)], &w.values[static_cast<size_t>(row * k)], k);
      const double bias_row = bias[static_cast<size_t>(row)];
      out.compare(dot.sum + bias_row, exact ? 0 : dot_bound(s.path.arithmetic, dot.magnitude + std::abs(bias_row), k), y[static_cast<size_t>(t * n + row)], t, row);
    }
}

/// Every third token to expert 1, the rest to 0, a second choice to 2: expert 3 stays empty.
struct KnownRouting {
  std::vector<int32_t> expert, first, order;
  std::vector<float> weight;
  ExpertBatches batches;
  KnownRouting(int tokens, int choices) {
    for (int t = 0; t < tokens; ++t)
      for (int c = 0; c < choices; ++c) expert.push_back(c ? 2 : t % 3 == 1), weight.push_back(c ? 0.25f : 0.5f);
    first.resize(5), order.resize(expert.size());
    group_by_expert(expert.data(), std::ssize(expert), 4, first.data(), order.data());
    batches = {4, choices, tokens, first.data(), order.data(), weight.data()};
  }
};

void check_moe(Subject& s, bool exact, Comparison& out) {
  const bool down = s.path.op == Op::moe_down;
  const int choices = std::min(s.site.experts_per_token, 2);
  const int64_t n = rows_for(s.path), k = s.site.k, rows = int64_t{s.tokens} * choices;
  const KnownRouting routing(s.tokens, choices);
  const KnownMatrix w = known_matrix(s.layout, 4, n, k, exact, s.random);
  const auto x = known_inputs(static_cast<size_t>((down ? rows : s.tokens) * k), exact, s.random), bias = known_inputs(static_cast<size_t>(4 * n), exact, s.random);
  std::vector<float> y(static_cast<size_t>((down ? s.tokens : rows) * n), down ? 1.0f : poison);   // down adds to the residual
  Buffer scratch = scratch_of(moe_scratch_bytes(rows, k, s.threads.size()));
  call(s, out, MoeMatmulArgs{.weights = &w.packed, .bias = bias.data(), .x = x.data(), .y = y.data(), .batches = &routing.batches, .scratch = scratch.data(), .threads = &s.threads});
  for (int t : sampled_tokens(s.tokens))
    for (int64_t i = 0; i < n; ++i) {
      double sum = 1, bound = 0;
      for (int c = 0; c < choices; ++c) {
        const int64_t row = int64_t{t} * choices + c, e = routing.expert[static_cast<size_t>(row)];
        const DotProduct dot = exact_dot(&x[static_cast<size_t>((down ? row : t) * k)], &w.values[static_cast<size_t>((e * n + i) * k)], k);
        const double b = bias[static_cast<size_t>(e * n + i)], weight = routing.weight[static_cast<size_t>(row)];
        const double row_bound = exact ? 0 : dot_bound(s.path.arithmetic, dot.magnitude + std::abs(b), k);
        if (!down) out.compare(dot.sum + b, row_bound, y[static_cast<size_t>(row * n + i)], row, i);
        sum += weight * (dot.sum + b), bound += weight * row_bound + (exact ? 0 : 1e-6 * (1 + std::abs(sum)));
      }
      if (down) out.compare(sum, bound, y[static_cast<size_t>(t * n + i)], t, i);
    }
}

void check_attention(Subject& s, Comparison& out) {
  const int group = s.site.heads / s.site.kv_heads, kv_heads = std::min(s.site.kv_heads, 2), heads = group * kv_heads, d = s.site.head_dim;
  const int window = s.site.name == "attention.sliding" ? s.config.sliding_window : 0, keys = s.tokens + 150;
  const int64_t capacity = (keys + kv_block_tokens - 1) / kv_block_tokens * kv_block_tokens, block = int64_t{kv_block_tokens} * kv_heads * d;
  std::vector<uint16_t> storage(static_cast<size_t>(2 * capacity / kv_block_tokens * block));
  std::vector<uint16_t*> k_blocks, v_blocks;
  for (int64_t b = 0; b < capacity / kv_block_tokens; ++b) k_blocks.push_back(&storage[static_cast<size_t>(2 * b * block)]), v_blocks.push_back(&storage[static_cast<size_t>((2 * b + 1) * block)]);
  const KvView view{k_blocks.data(), v_blocks.data(), capacity};
  std::vector<float> k = known_inputs(static_cast<size_t>(keys * kv_heads * d), false, s.random), v = known_inputs(k.size(), false, s.random);
  for (auto* values : {&k, &v}) for (float& value : *values) value = std::nearbyint(value * 64) / 64;   // BF16 holds these exactly
  for (int p = 0; p < keys; ++p) kv_store(view, p, kv_heads, d, &k[static_cast<size_t>(p * kv_heads * d)], &v[static_cast<size_t>(p * kv_heads * d)]);
  const auto q = known_inputs(static_cast<size_t>(s.tokens * heads * d), false, s.random), sinks = known_inputs(static_cast<size_t>(heads), false, s.random);
  std::vector<float> y(q.size(), poison);
  std::vector<int32_t> positions;
  for (int t = 0; t < s.tokens; ++t) positions.push_back(keys - s.tokens + t);
  const std::vector<const KvView*> views(static_cast<size_t>(s.tokens), &view);
  const float scale = 1 / std::sqrt(static_cast<float>(d));
  call(s, out, AttentionArgs{.q = q.data(), .q_stride = heads * d, .y = y.data(), .sinks = sinks.data(), .positions = positions.data(), .kv = views.data(), .tokens = s.tokens, .heads = heads, .kv_heads = kv_heads, .head_dim = d,
                             .window = window, .scale = scale, .threads = &s.threads});
  for (int t : sampled_tokens(s.tokens))
    for (int h = 0; h < heads; ++h) {
      const int p = positions[static_cast<size_t>(t)], first = window ? std::max(0, p - window + 1) : 0;
      const float* query = &q[static_cast<size_t>((t * heads + h) * d)];
      std::vector<double> sum(static_cast<size_t>(d), 0.0);
      double total = std::exp(static_cast<double>(sinks[static_cast<size_t>(h)]));
      for (int j = first; j <= p; ++j) {
        const size_t at = static_cast<size_t>((j * kv_heads + h / group) * d);
        const double weight = std::exp(exact_dot(query, &k[at], d).sum * scale);
        total += weight;
        for (int i = 0; i < d; ++i) sum[static_cast<size_t>(i)] += weight * v[at + static_cast<size_t>(i)];
      }
      for (int i = 0; i < d; ++i) out.compare(sum[static_cast<size_t>(i)] / total, 2e-5, y[static_cast<size_t>((t * heads + h) * d + i)], t, h * d + i);
    }
}

void check_norm(Subject& s, Comparison& out) {
  const int64_t n = s.site.n;
  const auto x = known_inputs(static_cast<size_t>(s.tokens * n), false, s.random), scale = known_inputs(static_cast<size_t>(n), false, s.random);
  std::vector<float> y(x.size(), poison);
  call(s, out, NormArgs{.x = x.data(), .scale = scale.data(), .y = y.data(), .width = n, .tokens = s.tokens, .eps = s.config.norm_eps, .threads = &s.threads});
  for (int t : sampled_tokens(s.tokens)) {
    const float* row = &x[static_cast<size_t>(t * n)];
    const double factor = 1 / std::sqrt(exact_dot(row, row, n).sum / static_cast<double>(n) + s.config.norm_eps);
    for (int64_t i = 0; i < n; ++i) out.compare(row[i] * factor * scale[static_cast<size_t>(i)], 2e-5 * std::abs(row[i] * factor) + 1e-7, y[static_cast<size_t>(t * n + i)], t, i);
  }
}

void check_rope(Subject& s, Comparison& out) {
  const int d = s.site.head_dim, half = d / 2, heads = std::min(s.site.heads, 3);
  const RopeTable table = make_rope_table(s.config.rope, d);
  const auto before = known_inputs(static_cast<size_t>(s.tokens * heads * d), false, s.random);
  auto x = before;
  std::vector<int32_t> positions;
  for (int t = 0; t < s.tokens; ++t) positions.push_back(977 * t % 4000);
  call(s, out, RopeArgs{.x = x.data(), .x_stride = heads * d, .positions = positions.data(), .inverse_frequency = table.inverse_frequency.data(), .attention_factor = table.attention_factor, .tokens = s.tokens, .heads = heads, .head_dim = d, .threads = &s.threads});
  for (int t : sampled_tokens(s.tokens))
    for (int h = 0; h < heads; ++h)
      for (int i = 0; i < half; ++i) {
        const size_t at = static_cast<size_t>((t * heads + h) * d + i), pair = at + static_cast<size_t>(half);
        const double angle = positions[static_cast<size_t>(t)] * table.inverse_frequency[static_cast<size_t>(i)], c = table.attention_factor * std::cos(angle), sn = table.attention_factor * std::sin(angle);
        out.compare(before[at] * c - before[pair] * sn, 1e-5, x[at], t, h * d + i);
        out.compare(before[pair] * c + before[at] * sn, 1e-5, x[pair], t, h * d + i + half);
      }
}

void check_swiglu(Subject& s, Comparison& out) {
  const int64_t width = std::min<int64_t>(s.site.n, 256), rows = s.tokens;
  auto u = known_inputs(static_cast<size_t>(2 * rows * width), false, s.random);
  for (float& value : u) value *= 10;   // beyond the clamp on both sides
  std::vector<float> h(static_cast<size_t>(rows * width), poison);
  call(s, out, SwigluArgs{.u = u.data(), .h = h.data(), .rows = rows, .width = width, .limit = s.config.swiglu_limit, .alpha = s.config.swiglu_alpha, .threads = &s.threads});
  for (size_t j = 0; j < h.size(); ++j) {
    const double limit = s.config.swiglu_limit, gate = std::min<double>(u[2 * j], limit), up = std::clamp<double>(u[2 * j + 1], -limit, limit);
    const double expected = gate / (1 + std::exp(-s.config.swiglu_alpha * gate)) * (up + 1);
    out.compare(expected, 1e-5 * (1 + std::abs(expected)), h[j], static_cast<int64_t>(j) / width, static_cast<int64_t>(j) % width);
  }
}

void check_router(Subject& s, Comparison& out) {
  const int64_t experts = s.site.n, hidden = s.site.k;
  const int choices = s.config.experts_per_token;
  const KnownMatrix w = known_matrix(s.layout, 1, experts, hidden, false, s.random);
  const auto x = known_inputs(static_cast<size_t>(s.tokens * hidden), false, s.random), bias = known_inputs(static_cast<size_t>(experts), false, s.random);
  std::vector<float> logits(static_cast<size_t>(s.tokens * experts), poison), weight(static_cast<size_t>(s.tokens * choices), poison);
  std::vector<int32_t> expert(weight.size(), -1), first(static_cast<size_t>(experts) + 1, -1), order(weight.size(), -1);
  call(s, out, RouterArgs{.weights = &w.packed, .bias = bias.data(), .x = x.data(), .tokens = s.tokens, .experts_per_token = choices, .logits = logits.data(), .expert = expert.data(), .weight = weight.data(), .first = first.data(), .order = order.data(), .threads = &s.threads});
  for (int t : sampled_tokens(s.tokens)) {
    const auto chosen = std::span(expert).subspan(static_cast<size_t>(t * choices), static_cast<size_t>(choices));
    double total = 0, least = 1e300;
    std::vector<double> z(static_cast<size_t>(experts));
    for (int64_t e = 0; e < experts; ++e) z[static_cast<size_t>(e)] = exact_dot(&x[static_cast<size_t>(t * hidden)], &w.values[static_cast<size_t>(e * hidden)], hidden).sum + bias[static_cast<size_t>(e)];
    for (int32_t e : chosen) {
      if (e < 0 || e >= experts) return out.compare(0, 0, poison, t, e);
      total += std::exp(z[static_cast<size_t>(e)]), least = std::min(least, z[static_cast<size_t>(e)]);
    }
    for (int64_t e = 0; e < experts; ++e)   // nobody who was left out may stand clearly above the least of the chosen
      if (!std::ranges::count(chosen, static_cast<int32_t>(e))) out.compare(0, 1e-3, static_cast<float>(std::max(0.0, z[static_cast<size_t>(e)] - least)), t, e);
    for (size_t c = 0; c < chosen.size(); ++c) out.compare(std::exp(z[static_cast<size_t>(chosen[c])]) / total, 1e-3, weight[static_cast<size_t>(t * choices) + c], t, chosen[c]);
  }
}

void check_embed(Subject& s, Comparison& out) {
  const int64_t rows = 5, hidden = s.site.k;
  const KnownMatrix table = known_matrix(s.layout, 1, rows, hidden, false, s.random);
  std::vector<int32_t> tokens;
  for (int t = 0; t < s.tokens; ++t) tokens.push_back(static_cast<int32_t>(s.random.integer(0, rows - 1)));
  std::vector<float> y(static_cast<size_t>(s.tokens * hidden), poison);
  call(s, out, EmbedArgs{.table = &table.packed, .tokens = tokens.data(), .count = s.tokens, .y = y.data()});
  for (int t : sampled_tokens(s.tokens))
    for (int64_t i = 0; i < hidden; ++i) out.compare(table.values[static_cast<size_t>(tokens[static_cast<size_t>(t)] * hidden + i)], 0, y[static_cast<size_t>(t * hidden + i)], t, i);
}

void check_sample(Subject& s, Comparison& out) {
  const int vocab = static_cast<int>(std::min<int64_t>(s.site.n, 1000));
  const auto logits = known_inputs(static_cast<size_t>(vocab), false, s.random);
  std::vector<uint8_t> scratch(sample_scratch_bytes(vocab));
  int32_t token = -1;
  call(s, out, SampleArgs{.logits = logits.data(), .vocab = vocab, .largest_token = vocab - 1, .temperature = 0, .scratch = scratch.data(), .token = &token});
  out.compare(static_cast<double>(std::ranges::max_element(logits) - logits.begin()), 0, static_cast<float>(token), 0, token);
}

void check_once(Subject& s, Comparison& out) {
  switch (s.path.op) {
    case Op::linear: check_linear(s, true, out); check_linear(s, false, out); break;
    case Op::moe_gate_up:
    case Op::moe_down: check_moe(s, true, out); check_moe(s, false, out); break;
    case Op::attention: check_attention(s, out); break;
    case Op::norm: check_norm(s, out); break;
    case Op::rope: check_rope(s, out); break;
    case Op::swiglu: check_swiglu(s, out); break;
    case Op::router: check_router(s, out); break;
    case Op::embed: check_embed(s, out); break;
    case Op::sample: check_sample(s, out); break;
  }
}

/// Token counts that meet the edges of what a row was chosen for.
std::vector<int> token_counts(const SitePlan& plan, const KernelPath& path) {
  std::vector<int> counts;
  for (const Decision& decision : plan.decisions) {
    const Range r = decision.regime.tokens;
    if (decision.chosen != &path) continue;
    counts.push_back(std::min(r.low, 17));
    if (r.high > r.low) counts.push_back(std::min({r.low + 1, r.high, 17}));
  }
  // Rows that demand more tokens than that are tried with the least they take.
  for (int& count : counts) count = std::max(count, path.needs.tokens.low);
  std::ranges::sort(counts);
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

/// What --inject-failure makes of a row that may well be right.
void inject_failures(SelfCheckResult& result, const KernelPath& path, const Policy& policy) {
  if (is_injected(policy, path, Fault::random)) result.finding = "random problem made to fail by --inject-failure";
  if (is_injected(policy, path, Fault::exact)) result.finding = "exact problem made to fail by --inject-failure";
  if (is_injected(policy, path, Fault::any)) result.finding = "made to fail by --inject-failure";
  if (is_injected(policy, path, Fault::image)) result.check = Check::no_image, result.finding = "image made to fail by --inject-failure";
}

/// What the driver says against the kernels of a cuda row; empty: they load.
std::string missing_image(const KernelPath& path, int cuda_index) {
  if (path.device != Device::cuda || !path.images) return "";
  for (const void* kernel : path.images())
    if (std::string problem = image_problem(cuda_index, kernel); !problem.empty()) return problem;
  return "";
}

SelfCheckResult check_path(const SitePlan& plan, const KernelPath& path, const ModelConfig& config, const Policy& policy, ThreadPool& threads, HostRunner& runner) {
  SelfCheckResult result{.path = std::string(path.name), .site = plan.site.name, .finding = missing_image(path, policy.cuda_index)};
  const auto start = std::chrono::steady_clock::now();
  if (!result.finding.empty()) {
    result.check = Check::no_image, result.worst = 1e9;
    return result;
  }
  Comparison comparison;
  for (int tokens : token_counts(plan, path)) {
    Subject subject{path, plan.site, plan.layout, config, threads, runner, tokens};
    check_once(subject, comparison);
  }
  result.worst = comparison.worst, result.finding = comparison.finding;
  inject_failures(result, path, policy);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace

std::vector<SelfCheckResult> self_check(const Plan& plan, const ModelConfig& config, const Policy& policy, ThreadPool& threads) {
  std::vector<SelfCheckResult> results;
  HostRunner runner(policy.cuda_index);
  for (const SitePlan& site : plan.sites) {
    std::vector<const KernelPath*> seen;
    for (const Decision& decision : site.decisions) {
      if (std::ranges::count(seen, decision.chosen)) continue;
      seen.push_back(decision.chosen);
      results.push_back(check_path(site, *decision.chosen, config, policy, threads, runner));
    }
  }
  return results;
}

}  // namespace mxpath
