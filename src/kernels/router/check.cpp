// The self-check of the router. An exact problem for every call and every token: logits that no order of summation
// rounds, some of them equal, so that there is one right choice. And a random one with so few terms that FP32 leaves
// hardly any doubt.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "kernels/router/router.h"
#include "kernels/self_check_subject.h"

namespace mxpath {
namespace {

constexpr int most_exact_tokens = 65, most_random_tokens = 17;
// As many as the largest public models have; a router of more is tried with so many of them.
constexpr int64_t most_experts = 2048;

struct RouterProblem {
  int64_t experts, hidden;
  int choices;
  KnownMatrix w;
  std::vector<float> bias;
  RouterProblem(Subject& s, bool exact)
      : experts(std::min<int64_t>(s.site.n, most_experts)),
        hidden(s.site.k),
        choices(std::min(s.config.experts_per_token, static_cast<int>(experts))),
        w(known_matrix(s.layout, 1, experts, hidden, exact, s.random)),
        bias(known_inputs(static_cast<size_t>(experts), exact, s.random)) {}
  std::span<const float> weights(int64_t expert) const {
    return std::span(w.values).subspan(static_cast<size_t>(expert * hidden), static_cast<size_t>(hidden));
  }
};

struct Routed {
  std::vector<float> weight;
  std::vector<int32_t> expert;
  std::span<const int32_t> chosen(int token, int choices) const {
    return std::span(expert).subspan(static_cast<size_t>(token * choices), static_cast<size_t>(choices));
  }
  float weight_of(int token, int choices, int c) const { return weight[static_cast<size_t>(token * choices + c)]; }
};

/// The pairs grouped by expert must be those of the choice, whatever was chosen.
void check_grouping(const std::vector<int32_t>& expert, int64_t experts, const std::vector<int32_t>& first,
                    const std::vector<int32_t>& order, Comparison& out) {
  std::vector<int32_t> expected_first(first.size()), expected_order(order.size());
  group_by_expert(expert.data(), std::ssize(expert), static_cast<int>(experts), expected_first.data(),
                  expected_order.data());
  for (size_t e = 0; e < first.size(); ++e)
    out.compare(expected_first[e], 0, static_cast<float>(first[e]), 0, static_cast<int64_t>(e));
  for (size_t i = 0; i < order.size(); ++i)
    out.compare(expected_order[i], 0, static_cast<float>(order[i]), static_cast<int64_t>(i), order[i]);
}

/// False when it names experts that do not exist: then there is nothing more to compare.
bool route(Subject& s, const RouterProblem& p, const std::vector<float>& x, Routed& routed, Comparison& out) {
  const int tokens = static_cast<int>(std::ssize(x) / p.hidden);
  std::vector<float> logits(static_cast<size_t>(tokens * p.experts), poison);
  routed.weight.assign(static_cast<size_t>(tokens * p.choices), poison), routed.expert.assign(routed.weight.size(), -1);
  std::vector<int32_t> first(static_cast<size_t>(p.experts) + 1, -1), order(routed.weight.size(), -1);
  call(s, out,
       RouterArgs{.weights = &p.w.packed,
                  .bias = p.bias.data(),
                  .x = x.data(),
                  .tokens = tokens,
                  .experts_per_token = p.choices,
                  .logits = logits.data(),
                  .expert = routed.expert.data(),
                  .weight = routed.weight.data(),
                  .first = first.data(),
                  .order = order.data(),
                  .threads = &s.threads});
  for (size_t i = 0; i < routed.expert.size(); ++i)
    if (const int32_t e = routed.expert[i]; e < 0 || e >= p.experts)
      return out.compare(0, 0, poison, static_cast<int64_t>(i), e), false;
  check_grouping(routed.expert, p.experts, first, order, out);
  return true;
}

/// Which experts these logits choose, the lower index first among equals.
std::vector<int32_t> best_of(const std::vector<double>& logits, int choices) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater{}, [&](int32_t e) { return logits[static_cast<size_t>(e)]; });
  order.resize(static_cast<size_t>(choices));
  return order;
}

/// relative: what rounding before the softmax may do to a weight, beside the softmax itself.
void compare_weights(const std::vector<double>& logits, std::span<const int32_t> chosen, int token,
                     const Routed& routed, double relative, Comparison& out) {
  const int choices = static_cast<int>(chosen.size());
  double total = 0, largest = -1e300;
  for (int32_t e : chosen) largest = std::max(largest, logits[static_cast<size_t>(e)]);
  for (int32_t e : chosen) total += std::exp(logits[static_cast<size_t>(e)] - largest);
  for (int c = 0; c < choices; ++c) {
    const double expected = std::exp(logits[static_cast<size_t>(chosen[static_cast<size_t>(c)])] - largest) / total;
    const double bound = (relative + sum_bound(1, choices + 16)) * expected + 1e-30;  // the exponential is within 2 ulp
    out.compare(expected, bound, routed.weight_of(token, choices, c), token, chosen[static_cast<size_t>(c)]);
  }
}

/// Inputs of many tokens, each the sum of two of a few vectors, no two tokens of the same two: their logits are sums of
/// known ones.
struct PairedInputs {
  std::vector<std::pair<int, int>> pair_of;
  std::vector<float> parts;  // [parts, hidden], integers of -3..3 times `step`
  float step;
  int count = 2;
  PairedInputs(Subject& s, int tokens, int64_t hidden) {
    while (count * (count - 1) / 2 < tokens) ++count;
    parts = known_inputs(static_cast<size_t>(count * hidden), true, s.random);
    // Logits with a deviation of about 4, so that no expert has all the weight: E[w²] = 24 and E[x²] = 28/3.
    step = std::exp2(-std::round(std::log2(std::max(1.0, std::sqrt(224.0 * static_cast<double>(hidden)) / 4))));
    for (float& value : parts) value *= step;
    for (int a = 0; a < count; ++a)
      for (int b = 0; b < a; ++b) pair_of.emplace_back(a, b);
    for (int64_t i = std::ssize(pair_of) - 1; i > 0; --i)
      std::swap(pair_of[static_cast<size_t>(i)], pair_of[static_cast<size_t>(s.random.integer(0, i))]);
    pair_of.resize(static_cast<size_t>(tokens));
  }
  std::vector<float> inputs(int64_t hidden) const {
    std::vector<float> x;
    for (auto [a, b] : pair_of)
      for (int64_t i = 0; i < hidden; ++i)
        x.push_back(parts[static_cast<size_t>(a * hidden + i)] + parts[static_cast<size_t>(b * hidden + i)]);
    return x;
  }
};

void check_exactly(Subject& s, const RouterProblem& p, int tokens, Comparison& out) {
  const PairedInputs in(s, tokens, p.hidden);
  Routed routed;
  if (!route(s, p, in.inputs(p.hidden), routed, out)) return;
  std::vector<double> of_part;
  for (int i = 0; i < in.count; ++i)
    for (int64_t e = 0; e < p.experts; ++e)
      of_part.push_back(exact_dot(&in.parts[static_cast<size_t>(i * p.hidden)], p.weights(e).data(), p.hidden).sum);
  s.work += of_part.size() * static_cast<uint64_t>(p.hidden);
  for (int t = 0; t < tokens; ++t) {
    const auto [a, b] = in.pair_of[static_cast<size_t>(t)];
    std::vector<double> logits;
    for (int64_t e = 0; e < p.experts; ++e)
      logits.push_back(of_part[static_cast<size_t>(a * p.experts + e)] +
                       of_part[static_cast<size_t>(b * p.experts + e)] + p.bias[static_cast<size_t>(e)]);
    const auto expected = best_of(logits, p.choices);
    const auto chosen = routed.chosen(t, p.choices);
    for (int c = 0; c < p.choices; ++c)
      out.compare(expected[static_cast<size_t>(c)], 0, static_cast<float>(chosen[static_cast<size_t>(c)]), t, c);
    compare_weights(logits, expected, t, routed, 0, out);
  }
}

void check_randomly(Subject& s, int tokens, Comparison& out) {
  const RouterProblem p(s, false);
  std::vector<float> x(static_cast<size_t>(tokens * p.hidden));
  int64_t terms = 0;
  for (int t = 0; t < tokens; ++t)
    terms = make_kind(TokenKind::sparse, s.path.arithmetic,
                      std::span(x).subspan(static_cast<size_t>(t * p.hidden), static_cast<size_t>(p.hidden)), nullptr,
                      s.random);
  Routed routed;
  if (!route(s, p, x, routed, out)) return;
  for (int t : sampled_tokens(tokens)) {
    std::vector<double> logits;
    double wrong = 0;  // the most that a logit may be
    for (int64_t e = 0; e < p.experts; ++e) {
      const DotProduct dot = exact_dot(&x[static_cast<size_t>(t * p.hidden)], p.weights(e).data(), p.hidden);
      const double bias = p.bias[static_cast<size_t>(e)];
      logits.push_back(dot.sum + bias);
      wrong = std::max(wrong, dot_bound(s.path.arithmetic, dot.magnitude, terms, std::abs(bias)));
    }
    s.work += static_cast<uint64_t>(p.experts * p.hidden);
    const auto chosen = routed.chosen(t, p.choices);
    double least = 1e300;
    std::vector<bool> taken(logits.size());
    for (int32_t e : chosen)
      least = std::min(least, logits[static_cast<size_t>(e)]), taken[static_cast<size_t>(e)] = true;
    for (int64_t e = 0; e < p.experts; ++e)  // nobody who was left out may stand clearly above the least of the chosen
      if (!taken[static_cast<size_t>(e)])
        out.compare(0, 2 * wrong, static_cast<float>(std::max(0.0, logits[static_cast<size_t>(e)] - least)), t, e);
    compare_weights(logits, chosen, t, routed, std::expm1(2 * wrong), out);
  }
}

}  // namespace

void check_router(Subject& s, Comparison& out) {
  const RouterProblem exact(s, true);
  int most = 0;
  for (int tokens : s.counts) {
    if (tokens > most_exact_tokens && tokens != s.counts.front()) continue;
    check_exactly(s, exact, tokens, out);
    if (tokens <= most_random_tokens) most = tokens;
  }
  check_randomly(s, s.counts.front(), out);
  if (most > s.counts.front()) check_randomly(s, most, out);
}

}  // namespace mxpath
