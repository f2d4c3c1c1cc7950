#include "kernels/self_check.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/text.h"
#include "device/device.h"
#include "kernels/catalogue.h"
#include "kernels/self_check_subject.h"
#include "plan/fault.h"

namespace mxpath {
namespace {

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
  // Half of what the mean of the squares may be wrong by, its root, and two products.
  const double relative = sum_bound(1, n + 8) / 2 + sum_bound(1, 8);
  for (int t = 0; t < tokens; ++t) {
    const float* row = &x[static_cast<size_t>(t * n)];
    const double factor = 1 / std::sqrt(exact_dot(row, row, n).sum / static_cast<double>(n) + s.config.norm_eps);
    for (int64_t i = 0; i < n; ++i)
      out.compare(row[i] * factor * scale[static_cast<size_t>(i)], relative * std::abs(row[i] * factor) + 1e-30,
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
  for (int t = 0; t < tokens; ++t)
    for (int h = 0; h < heads; ++h)
      for (int i = 0; i < half; ++i) {
        const size_t at = static_cast<size_t>((t * heads + h) * d + i), pair = at + static_cast<size_t>(half);
        // Cosine, sine and factor are rounded, then two products and a difference: each to FP32, each time at most 2 ulp.
        const double bound = sum_bound(2 * std::abs(table.attention_factor), 16);
        const double angle = positions[static_cast<size_t>(t)] * table.inverse_frequency[static_cast<size_t>(i)],
                     c = table.attention_factor * std::cos(angle), sn = table.attention_factor * std::sin(angle);
        out.compare(before[at] * c - before[pair] * sn, bound, x[at], t, h * d + i);
        out.compare(before[pair] * c + before[at] * sn, bound, x[pair], t, h * d + i + half);
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
    // What rounding alpha * gate does the exponential makes relative; six more operations, the exponential within 2 ulp.
    const double bound = std::expm1(sum_bound(std::abs(s.config.swiglu_alpha * gate), 4)) + sum_bound(1, 16);
    out.compare(expected, bound * std::abs(expected) + 1e-30, h[j], static_cast<int64_t>(j) / width, static_cast<int64_t>(j) % width);
  }
}

void check_embed(Subject& s, int tokens, Comparison& out) {
  const int64_t rows = tokens + 2, hidden = s.site.k;
  const KnownMatrix table = known_matrix(s.layout, 1, rows, hidden, false, s.random);
  std::vector<int32_t> ids(static_cast<size_t>(rows));  // all different, in no order
  std::iota(ids.begin(), ids.end(), 0);
  for (int64_t i = rows - 1; i > 0; --i) std::swap(ids[static_cast<size_t>(i)], ids[static_cast<size_t>(s.random.integer(0, i))]);
  std::vector<float> y(static_cast<size_t>(tokens * hidden), poison);
  call(s, out, EmbedArgs{.table = &table.packed, .tokens = ids.data(), .count = tokens, .y = y.data()});
  for (int t = 0; t < tokens; ++t)
    for (int64_t i = 0; i < hidden; ++i)
      out.compare(table.values[static_cast<size_t>(ids[static_cast<size_t>(t)] * hidden + i)], 0, y[static_cast<size_t>(t * hidden + i)], t,
                  i);
}

/// The largest logit at every edge that a search may have and at a few places besides, larger ones among the ids that must not be chosen,
/// and the lower id of equals.
void check_sample(Subject& s, Comparison& out) {
  const int vocab = static_cast<int>(s.site.n), largest = std::max(vocab - 3, 0);
  auto logits = known_inputs(static_cast<size_t>(vocab), false, s.random);
  std::ranges::fill(logits.begin() + largest + 1, logits.end(), 9.0f);
  std::vector<uint8_t> scratch(sample_scratch_bytes(vocab));
  std::vector<int> places{0, 3, 4, 31, 32, 255, 256, largest / 2, largest - 1, largest};
  for (int i = 0; i < 4; ++i) places.push_back(static_cast<int>(s.random.integer(0, largest)));
  for (int wanted : places) {
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
    case Op::router: return check_router(s, out);
    case Op::embed: return for_counts(17, check_embed);
    case Op::sample: return check_sample(s, out);
  }
}

/// Token counts that meet the edges of what a row was chosen for. Matrix products keep tiles of up to 8 and of 128 tokens, and have code of
/// its own for each rest; a portable row on a CPU has no such tiles, and would take long.
std::vector<int> token_counts(const SitePlan& plan, const KernelPath& path) {
  const bool product = path.op == Op::linear || path.op == Op::moe_gate_up || path.op == Op::moe_down,
             tiled = path.device == DeviceKind::cuda || !is_floor(path);
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

/// The device failed while a row was checked: a result of the device, since nothing says that the row is to blame.
SelfCheckResult device_result(const SitePlan& plan, const KernelPath& path, std::string finding) {
  return {.path = std::string(path.name),
          .site = plan.site.name,
          .device = plan.site.device,
          .worst = 1e9,
          .finding = std::move(finding),
          .check = Check::device_failed};
}

SelfCheckResult check_path(const SitePlan& plan, const KernelPath& path, const ModelConfig& config, const Policy& policy,
                           ThreadPool& threads, HostRunner& runner) {
  if (is_injected(policy, path, Fault::device)) return device_result(plan, path, injected_failure(policy, path)->finding);
  SelfCheckResult result{.path = std::string(path.name),
                         .site = plan.site.name,
                         .device = plan.site.device,
                         .finding = missing_image(path, plan.site.device)};
  const auto start = std::chrono::steady_clock::now();
  if (!result.finding.empty()) {
    result.check = Check::no_image, result.worst = 1e9;
    return result;
  }
  Comparison comparison;
  Subject subject{path, plan.site, plan.layout, config, threads, runner, token_counts(plan, path)};
  check_op(subject, comparison);
  if (plan.site.device.is_gpu() && !runner.device_failure().empty())
    return device_result(plan, path, device_finding(path, runner.device_failure()));
  result.worst = comparison.worst, result.finding = comparison.finding, result.work = subject.work;
  // A row that may well be right.
  if (auto injected = injected_failure(policy, path)) result.check = injected->check, result.finding = std::move(injected->finding);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace

std::vector<SelfCheckResult> self_check(const Plan& plan, const ModelConfig& config, const Policy& policy, ThreadPool& threads) {
  std::vector<SelfCheckResult> results;
  std::map<DeviceId, HostRunner> runners;
  std::set<DeviceId> broken;
  for (const SitePlan& site : plan.sites) {
    std::vector<const KernelPath*> seen;
    for (const Decision& decision : site.decisions) {
      const DeviceId device = site.site.device;
      if (broken.contains(device) || std::ranges::count(seen, decision.chosen)) continue;
      seen.push_back(decision.chosen);
      results.push_back(check_path(site, *decision.chosen, config, policy, threads, runners.try_emplace(device, device).first->second));
      if (results.back().check == Check::device_failed) broken.insert(device);
    }
  }
  return results;
}

}  // namespace mxpath
