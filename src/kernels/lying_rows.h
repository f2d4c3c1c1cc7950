// What the tests of lying rows share: a row that tells something else than the row it wraps, and plans that choose it.
#pragma once
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/random_checkpoint.h"
#include "kernels/attention/attention.h"
#include "kernels/attention_block/attention_block.h"
#include "kernels/embed/embed.h"
#include "kernels/experts_block/experts_block.h"
#include "kernels/linear/linear.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"
#include "kernels/router/router.h"
#include "kernels/sample/sample.h"
#include "kernels/self_check.h"
#include "kernels/swiglu/swiglu.h"
#include "kernels/test_rows.h"

namespace mxpath {

/// The results of one call as a table: [tokens, width], rows `stride` apart. heads: equal parts of a row, where it has
/// such.
struct Output {
  float* y;
  int64_t tokens, width, stride;
  int64_t heads = 1;
};

inline Output output_of(const LinearArgs& a) { return {a.y, a.tokens, a.weights->rows, a.y_stride}; }
inline Output output_of(const AttentionArgs& a) {
  const int64_t width = int64_t{a.heads} * a.head_dim;
  return {a.y, a.tokens, width, width, a.heads};
}
inline Output output_of(const NormArgs& a) { return {a.y, a.tokens, a.width, a.width}; }
inline Output output_of(const RopeArgs& a) {
  return {a.x, a.tokens, int64_t{a.heads} * a.head_dim, a.x_stride, a.heads};
}
inline Output output_of(const SwigluArgs& a) { return {a.h, a.rows, a.width, a.width}; }
inline Output output_of(const RouterArgs& a) { return {a.weight, a.tokens, a.experts_per_token, a.experts_per_token}; }
inline Output output_of(const EmbedArgs& a) { return {a.y, a.count, a.table->columns, a.table->columns}; }

/// Of a block what it adds to the residual stream, or of one that gates the product of the experts itself what it makes
/// of that.
inline Output output_of(const AttentionBlockArgs& a) { return output_of(a.output.args); }
inline Output output_of(const ExpertsBlockArgs& a) { return output_of(a.swiglu.args); }

inline const KernelPath* truth;
inline std::function<void(const Output&)> lie;

/// gate_up has a row for each pair of a token and an expert, down one for each token.
inline Output output_of(const MoeMatmulArgs& a) {
  const int rows = truth->op == Op::moe_gate_up ? a.batches->tokens * a.batches->experts_per_token : a.batches->tokens;
  return {a.y, rows, a.weights->rows, a.weights->rows};
}

template <class Args>
void liar(const Args& args) {
  std::get<void (*)(const Args&)>(truth->run)(args);
  lie(output_of(args));
}
template <>
inline void liar(const SampleArgs& args) {
  std::get<void (*)(const SampleArgs&)>(truth->run)(args);
  float token = static_cast<float>(*args.token);
  lie({&token, 1, 1, 1});
  *args.token = static_cast<int32_t>(token);
}

/// A row that runs `path` and then `lie` on its results.
inline KernelPath lying(const KernelPath& path) {
  truth = &path;
  KernelPath copy = path;
  std::visit(
      [&](auto run) {
        if constexpr (!std::is_same_v<decltype(run), std::monostate>)
          copy.run = static_cast<decltype(run)>([](auto& args) { liar(args); });
      },
      path.run);
  return copy;
}

inline Machine test_machine() {
  Machine machine = probe_machine();
  machine.cpu.bandwidth = 2e10;
  for (double& flops : machine.cpu.flops) flops = flops > 0 ? flops : 1e11;
  return machine;
}

/// A plan whose sites are those where `path` is chosen; the other rows of its op but the portable one are left out.
inline Plan plan_with(const KernelPath& path, const KernelPath* stand_in, const ModelConfig& config) {
  Catalogue reduced;
  for (const KernelPath* other : catalogue().paths)
    if (other->op != path.op || other == &path || is_floor(*other))
      reduced.paths.push_back(other == &path && stand_in ? stand_in : other);
  Plan best;
  for (std::string_view weights : weights_choices()) {
    Policy policy;
    policy.numerics = Numerics::fast, policy.device = DeviceChoice::cpu;
    for (const FusedPart& part :
         path.fuses)  // its parts on the rows whose results it gives, or the composite row would be cheaper
      if (!part.like.empty()) policy.only.emplace_back(part.like);
    if (!set_weights(policy, weights).ok() || !set_dense_weights(policy, weights).ok()) continue;
    auto plan = make_plan(manifest_from_config(config, "test"), reduced, test_machine(), policy);
    if (!plan.ok()) continue;
    const auto elsewhere = [&](const SitePlan& site) {
      return std::ranges::none_of(site.decisions, [&](const Decision& d) { return d.chosen->name == path.name; });
    };
    std::erase_if(plan->sites, elsewhere);
    std::erase_if(plan->blocks, [&](const BlockPlan& block) { return elsewhere(block.plan); });
    if (plan->sites.size() + plan->blocks.size() > best.sites.size() + best.blocks.size())
      best = std::move(plan).value();
  }
  return best;
}

inline ModelConfig narrow_config() {
  ModelConfig config = tiny_config();
  config.hidden = 96, config.intermediate = 160, config.sliding_window = 128;
  return config;
}

inline std::string finding_of(const std::vector<SelfCheckResult>& results, std::string_view path) {
  for (const SelfCheckResult& result : results)
    if (result.path == path && !result.finding.empty()) return result.finding;
  return "";
}

/// The lie is told in host memory, so CPU rows tell it; what catches it is the same for all.
inline std::vector<Row> cpu_rows() {
  auto rows = rows_of({Op::embed, Op::norm, Op::linear, Op::rope, Op::attention, Op::router, Op::moe_gate_up,
                       Op::swiglu, Op::moe_down, Op::sample, Op::experts_block});
  std::erase_if(rows,
                [](const Row& row) { return row.path->device != DeviceKind::cpu || only_calls_others(*row.path); });
  return rows;
}

}  // namespace mxpath
