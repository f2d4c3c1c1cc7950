#include "kernels/self_check.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "cuda/cuda.h"
#include "kernels/attention/attention.h"
#include "kernels/embed/embed.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"
#include "kernels/router/router.h"
#include "kernels/sample/sample.h"
#include "kernels/self_check_subject.h"
#include "kernels/swiglu/swiglu.h"
#include "plan/fault.h"

namespace mxpath {
namespace {

/// All tokens of a small batch; a few of a large one where each costs much.
std::vector<int> all_tokens(int tokens) {
  std::vector<int> all(static_cast<size_t>(tokens));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// A cache with more keys than the window holds, of which the batch brings its own, and as small a ring as a session makes.
struct KnownCache {
  int tokens, keys, heads, kv_heads, head_dim;
  int64_t width;  // of one token in the projection: queries, then its key and value for each head
  std::vector<float> keys_of, values_of, projected;
  std::vector<uint16_t> storage;
  std::vector<uint16_t*> k_blocks, v_blocks;
  KvView view;

  KnownCache(Subject& s, int batch, int window)
      : tokens(batch),
        keys(batch + 150),
        heads(s.site.heads / s.site.kv_heads * std::min(s.site.kv_heads, 2)),
        kv_heads(std::min(s.site.kv_heads, 2)),
        head_dim(s.site.head_dim),
        width((heads + 2 * kv_heads) * head_dim) {
    const int64_t kv_width = int64_t{kv_heads} * head_dim, capacity = window ? std::min(keys, window + batch) : keys;
    const int64_t blocks = (capacity + kv_block_tokens - 1) / kv_block_tokens, block = kv_block_tokens * kv_width;
    storage.resize(static_cast<size_t>(2 * blocks * block));
    for (int64_t b = 0; b < blocks; ++b)
      k_blocks.push_back(&storage[static_cast<size_t>(2 * b * block)]),
          v_blocks.push_back(&storage[static_cast<size_t>((2 * b + 1) * block)]);
    view = {k_blocks.data(), v_blocks.data(), capacity};
    keys_of = known_inputs(static_cast<size_t>(keys * kv_width), false, s.random),
    values_of = known_inputs(keys_of.size(), false, s.random);
    for (auto* values : {&keys_of, &values_of})
      for (float& value : *values) value = std::nearbyint(value * 64) / 64;  // BF16 holds these exactly
    for (int p = 0; p < keys - tokens; ++p) kv_store(view, p, kv_heads, head_dim, key(p), value(p));
    projected = known_inputs(static_cast<size_t>(tokens * width), false, s.random);
    for (int t = 0; t < tokens; ++t) {
      float* own = &projected[static_cast<size_t>(t * width + int64_t{heads} * head_dim)];
      std::copy_n(key(keys - tokens + t), kv_width, own), std::copy_n(value(keys - tokens + t), kv_width, own + kv_width);
    }
  }
  const float* key(int64_t p) const { return &keys_of[static_cast<size_t>(p * kv_heads * head_dim)]; }
  const float* value(int64_t p) const { return &values_of[static_cast<size_t>(p * kv_heads * head_dim)]; }
};

/// One head's output for a query at position p, by the formula.
std::vector<double> attended(const KnownCache& c, const float* query, int head, int p, int window, float sink) {
  const int64_t at = int64_t{head / (c.heads / c.kv_heads)} * c.head_dim;
  std::vector<double> sum(static_cast<size_t>(c.head_dim), 0.0);
  double total = std::exp(static_cast<double>(sink));
  for (int j = window ? std::max(0, p - window + 1) : 0; j <= p; ++j) {
    const double weight = std::exp(exact_dot(query, c.key(j) + at, c.head_dim).sum / std::sqrt(static_cast<double>(c.head_dim)));
    total += weight;
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += weight * static_cast<double>(c.value(j)[at + static_cast<int64_t>(i)]);
  }
  for (double& value : sum) value /= total;
  return sum;
}

void check_attention(Subject& s, int tokens, Comparison& out) {
  const int window = s.site.name == "attention.sliding" ? s.config.sliding_window : 0;
  const KnownCache c(s, tokens, window);
  const int d = c.head_dim;
  const auto sinks = known_inputs(static_cast<size_t>(c.heads), false, s.random);
  std::vector<float> y(static_cast<size_t>(tokens * c.heads * d), poison);
  std::vector<int32_t> positions;
  for (int t = 0; t < tokens; ++t) positions.push_back(c.keys - tokens + t);
  const std::vector<const KvView*> views(static_cast<size_t>(tokens), &c.view);
  const float *k = c.projected.data() + int64_t{c.heads} * d, *v = k + int64_t{c.kv_heads} * d;
  call(s, out,
       AttentionArgs{.q = c.projected.data(),
                     .q_stride = c.width,
                     .y = y.data(),
                     .k = k,
                     .v = v,
                     .sinks = sinks.data(),
                     .positions = positions.data(),
                     .kv = views.data(),
                     .tokens = tokens,
                     .heads = c.heads,
                     .kv_heads = c.kv_heads,
                     .head_dim = d,
                     .window = window,
                     .scale = 1 / std::sqrt(static_cast<float>(d)),
                     .threads = &s.threads});
  for (int t : sampled_tokens(tokens))
    for (int h = 0; h < c.heads; ++h) {
      const float* query = &c.projected[static_cast<size_t>(t * c.width + h * d)];
      const auto expected = attended(c, query, h, positions[static_cast<size_t>(t)], window, sinks[static_cast<size_t>(h)]);
      for (int i = 0; i < d; ++i)
        out.compare(expected[static_cast<size_t>(i)], 2e-5, y[static_cast<size_t>((t * c.heads + h) * d + i)], t, h * d + i);
    }
}

void check_norm(Subject& s, int tokens, Comparison& out) {
  const int64_t n = s.site.n;
  const auto x = known_inputs(static_cast<size_t>(tokens * n), false, s.random),
             scale = known_inputs(static_cast<size_t>(n), false, s.random);
  std::vector<float> y(x.size(), poison);
  call(s, out,
       NormArgs{.x = x.data(),
                .scale = scale.data(),
                .y = y.data(),
                .width = n,
                .tokens = tokens,
                .eps = s.config.norm_eps,
                .threads = &s.threads});
  for (int t : all_tokens(tokens)) {
    const float* row = &x[static_cast<size_t>(t * n)];
    const double factor = 1 / std::sqrt(exact_dot(row, row, n).sum / static_cast<double>(n) + s.config.norm_eps);
    for (int64_t i = 0; i < n; ++i)
      out.compare(row[i] * factor * scale[static_cast<size_t>(i)], 2e-5 * std::abs(row[i] * factor) + 1e-7,
                  y[static_cast<size_t>(t * n + i)], t, i);
  }
}

void check_rope(Subject& s, int tokens, Comparison& out) {
  const int d = s.site.head_dim, half = d / 2, heads = std::min(s.site.heads, 3);
  const RopeTable table = make_rope_table(s.config.rope, d);
  const auto before = known_inputs(static_cast<size_t>(tokens * heads * d), false, s.random);
  auto x = before;
  std::vector<int32_t> positions;
  for (int t = 0; t < tokens; ++t) positions.push_back(977 * t % 4000);
  call(s, out,
       RopeArgs{.x = x.data(),
                .x_stride = heads * d,
                .positions = positions.data(),
                .inverse_frequency = table.inverse_frequency.data(),
                .attention_factor = table.attention_factor,
                .tokens = tokens,
                .heads = heads,
                .head_dim = d,
                .threads = &s.threads});
  for (int t : all_tokens(tokens))
    for (int h = 0; h < heads; ++h)
      for (int i = 0; i < half; ++i) {
        const size_t at = static_cast<size_t>((t * heads + h) * d + i), pair = at + static_cast<size_t>(half);
        const double angle = positions[static_cast<size_t>(t)] * table.inverse_frequency[static_cast<size_t>(i)],
                     c = table.attention_factor * std::cos(angle), sn = table.attention_factor * std::sin(angle);
        out.compare(before[at] * c - before[pair] * sn, 1e-5, x[at], t, h * d + i);
        out.compare(before[pair] * c + before[at] * sn, 1e-5, x[pair], t, h * d + i + half);
      }
}

void check_swiglu(Subject& s, int tokens, Comparison& out) {
  const int64_t width = std::min<int64_t>(s.site.n, 269), rows = tokens;  // ragged for every vector
  auto u = known_inputs(static_cast<size_t>(2 * rows * width), false, s.random);
  for (float& value : u) value *= 10;  // beyond the clamp on both sides
  std::vector<float> h(static_cast<size_t>(rows * width), poison);
  call(s, out,
       SwigluArgs{.u = u.data(),
                  .h = h.data(),
                  .rows = rows,
                  .width = width,
                  .limit = s.config.swiglu_limit,
                  .alpha = s.config.swiglu_alpha,
                  .threads = &s.threads});
  for (size_t j = 0; j < h.size(); ++j) {
    const double limit = s.config.swiglu_limit, gate = std::min<double>(u[2 * j], limit),
                 up = std::clamp<double>(u[2 * j + 1], -limit, limit);
    const double expected = gate / (1 + std::exp(-s.config.swiglu_alpha * gate)) * (up + 1);
    out.compare(expected, 1e-5 * (1 + std::abs(expected)), h[j], static_cast<int64_t>(j) / width, static_cast<int64_t>(j) % width);
  }
}

/// The pairs grouped by expert must be those of the choice, whatever was chosen.
void check_grouping(const std::vector<int32_t>& expert, int64_t experts, const std::vector<int32_t>& first,
                    const std::vector<int32_t>& order, Comparison& out) {
  for (int32_t e : expert)
    if (e < 0 || e >= experts) return out.compare(0, 0, poison, 0, e);
  std::vector<int32_t> expected_first(first.size()), expected_order(order.size());
  group_by_expert(expert.data(), std::ssize(expert), static_cast<int>(experts), expected_first.data(), expected_order.data());
  for (size_t e = 0; e < first.size(); ++e) out.compare(expected_first[e], 0, static_cast<float>(first[e]), 0, static_cast<int64_t>(e));
  for (size_t i = 0; i < order.size(); ++i)
    out.compare(expected_order[i], 0, static_cast<float>(order[i]), static_cast<int64_t>(i), order[i]);
}

void check_router(Subject& s, int tokens, Comparison& out) {
  const int64_t experts = s.site.n, hidden = s.site.k;
  const int choices = s.config.experts_per_token;
  const KnownMatrix w = known_matrix(s.layout, 1, experts, hidden, false, s.random);
  const auto x = known_inputs(static_cast<size_t>(tokens * hidden), false, s.random),
             bias = known_inputs(static_cast<size_t>(experts), false, s.random);
  std::vector<float> logits(static_cast<size_t>(tokens * experts), poison), weight(static_cast<size_t>(tokens * choices), poison);
  std::vector<int32_t> expert(weight.size(), -1), first(static_cast<size_t>(experts) + 1, -1), order(weight.size(), -1);
  call(s, out,
       RouterArgs{.weights = &w.packed,
                  .bias = bias.data(),
                  .x = x.data(),
                  .tokens = tokens,
                  .experts_per_token = choices,
                  .logits = logits.data(),
                  .expert = expert.data(),
                  .weight = weight.data(),
                  .first = first.data(),
                  .order = order.data(),
                  .threads = &s.threads});
  for (int t : sampled_tokens(tokens)) {
    const auto chosen = std::span(expert).subspan(static_cast<size_t>(t * choices), static_cast<size_t>(choices));
    double total = 0, least = 1e300;
    std::vector<double> z(static_cast<size_t>(experts));
    for (int64_t e = 0; e < experts; ++e)
      z[static_cast<size_t>(e)] = exact_dot(&x[static_cast<size_t>(t * hidden)], &w.values[static_cast<size_t>(e * hidden)], hidden).sum +
                                  bias[static_cast<size_t>(e)];
    for (int32_t e : chosen) {
      if (e < 0 || e >= experts) return out.compare(0, 0, poison, t, e);
      total += std::exp(z[static_cast<size_t>(e)]), least = std::min(least, z[static_cast<size_t>(e)]);
    }
    for (int64_t e = 0; e < experts; ++e)  // nobody who was left out may stand clearly above the least of the chosen
      if (!std::ranges::count(chosen, static_cast<int32_t>(e)))
        out.compare(0, 1e-3, static_cast<float>(std::max(0.0, z[static_cast<size_t>(e)] - least)), t, e);
    for (size_t c = 0; c < chosen.size(); ++c)
      out.compare(std::exp(z[static_cast<size_t>(chosen[c])]) / total, 1e-3, weight[static_cast<size_t>(t * choices) + c], t, chosen[c]);
  }
  check_grouping(expert, experts, first, order, out);
}

void check_embed(Subject& s, int tokens, Comparison& out) {
  const int64_t rows = 5, hidden = s.site.k;
  const KnownMatrix table = known_matrix(s.layout, 1, rows, hidden, false, s.random);
  std::vector<int32_t> ids;
  for (int t = 0; t < tokens; ++t) ids.push_back(static_cast<int32_t>((3 * t + 4) % rows));
  std::vector<float> y(static_cast<size_t>(tokens * hidden), poison);
  call(s, out, EmbedArgs{.table = &table.packed, .tokens = ids.data(), .count = tokens, .y = y.data()});
  for (int t : all_tokens(tokens))
    for (int64_t i = 0; i < hidden; ++i)
      out.compare(table.values[static_cast<size_t>(ids[static_cast<size_t>(t)] * hidden + i)], 0, y[static_cast<size_t>(t * hidden + i)], t,
                  i);
}

/// The largest logit at every edge that a search may have, larger ones among the ids that must not be chosen, and the lower id of equals.
void check_sample(Subject& s, Comparison& out) {
  const int vocab = static_cast<int>(s.site.n), largest = std::max(vocab - 3, 0);
  auto logits = known_inputs(static_cast<size_t>(vocab), false, s.random);
  std::ranges::fill(logits.begin() + largest + 1, logits.end(), 9.0f);
  std::vector<uint8_t> scratch(sample_scratch_bytes(vocab));
  for (int wanted : {0, 3, 4, 31, 32, 255, 256, largest / 2, largest - 1, largest}) {
    if (wanted < 0 || wanted > largest) continue;
    const float before = std::exchange(logits[static_cast<size_t>(wanted)], 2.0f),
                equal = std::exchange(logits[static_cast<size_t>(largest)], 2.0f);
    int32_t token = -1;
    call(s, out,
         SampleArgs{.logits = logits.data(),
                    .vocab = vocab,
                    .largest_token = largest,
                    .temperature = 0,
                    .scratch = scratch.data(),
                    .token = &token});
    out.compare(wanted, 0, static_cast<float>(token), 0, token);
    logits[static_cast<size_t>(largest)] = equal, logits[static_cast<size_t>(wanted)] = before;
  }
}

void check_op(Subject& s, Comparison& out) {
  const auto for_counts = [&](int most, void (*check)(Subject&, int, Comparison&)) {
    for (int tokens : s.counts)
      if (tokens <= most || tokens == s.counts.front()) check(s, tokens, out);
  };
  switch (s.path.op) {
    case Op::linear: return check_linear(s, out);
    case Op::moe_gate_up:
    case Op::moe_down: return check_moe(s, out);
    case Op::attention: return for_counts(65, check_attention);
    case Op::norm: return for_counts(129, check_norm);
    case Op::rope: return for_counts(129, check_rope);
    case Op::swiglu: return for_counts(129, check_swiglu);
    case Op::router: return for_counts(65, check_router);
    case Op::embed: return for_counts(17, check_embed);
    case Op::sample: return check_sample(s, out);
  }
}

/// Token counts that meet the edges of what a row was chosen for. Matrix products keep tiles of up to 8 and of 128 tokens, and have code of
/// its own for each rest; a portable row on a CPU has no such tiles, and would take long.
std::vector<int> token_counts(const SitePlan& plan, const KernelPath& path) {
  const bool product = path.op == Op::linear || path.op == Op::moe_gate_up || path.op == Op::moe_down,
             tiled = path.device == Device::cuda || !is_floor(path);
  const auto edges = product ? std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 23, 65, 127, 128, 129}
                             : std::vector<int>{1, 2, 3, 15, 16, 17, 65, 129};
  std::vector<int> counts;
  for (const Decision& decision : plan.decisions)
    for (int tokens : edges)
      if (decision.chosen == &path && decision.regime.tokens.contains({tokens, tokens}) && path.needs.tokens.contains({tokens, tokens}) &&
          (tiled || tokens <= 17))
        counts.push_back(tokens);
  // Rows that are chosen for none of these are tried with the least they take.
  if (counts.empty()) counts = tiled ? std::vector<int>{std::max(path.needs.tokens.low, 129)} : std::vector<int>{17};
  return counts;
}

/// What the driver says against the kernels of a cuda row; empty: they load.
std::string missing_image(const KernelPath& path, int cuda_index) {
  if (path.device != Device::cuda || !path.images) return "";
  for (const void* kernel : path.images())
    if (std::string problem = image_problem(cuda_index, kernel); !problem.empty()) return problem;
  return "";
}

SelfCheckResult check_path(const SitePlan& plan, const KernelPath& path, const ModelConfig& config, const Policy& policy,
                           ThreadPool& threads, HostRunner& runner) {
  SelfCheckResult result{.path = std::string(path.name), .site = plan.site.name, .finding = missing_image(path, policy.cuda_index)};
  const auto start = std::chrono::steady_clock::now();
  if (!result.finding.empty()) {
    result.check = Check::no_image, result.worst = 1e9;
    return result;
  }
  Comparison comparison;
  Subject subject{path, plan.site, plan.layout, config, threads, runner, token_counts(plan, path)};
  check_op(subject, comparison);
  result.worst = comparison.worst, result.finding = comparison.finding;
  // A row that may well be right.
  if (auto injected = injected_failure(policy, path)) result.check = injected->check, result.finding = std::move(injected->finding);
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
