// Rows that lie: each wraps a real row and spoils one element of its result. The self-check must catch every one of them.
#include <algorithm>
#include <ctime>
#include <functional>
#include <iostream>

#include "checkpoint/random_checkpoint.h"
#include "kernels/attention/attention.h"
#include "kernels/embed/embed.h"
#include "kernels/linear/linear.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"
#include "kernels/router/router.h"
#include "kernels/sample/sample.h"
#include "kernels/self_check.h"
#include "kernels/swiglu/swiglu.h"
#include "kernels/test_rows.h"

namespace mxpath {
namespace {

/// The results of one call as a table: [tokens, width], rows `stride` apart.
struct Output {
  float* y;
  int64_t tokens, width, stride;
};

Output output_of(const LinearArgs& a) { return {a.y, a.tokens, a.weights->rows, a.y_stride}; }
Output output_of(const MoeMatmulArgs& a) {
  // The pairs of gate_up and the tokens of down are told apart by who reads them: the lie only needs rows that exist.
  return {a.y, a.batches->tokens, a.weights->rows, a.weights->rows};
}
Output output_of(const AttentionArgs& a) { return {a.y, a.tokens, int64_t{a.heads} * a.head_dim, int64_t{a.heads} * a.head_dim}; }
Output output_of(const NormArgs& a) { return {a.y, a.tokens, a.width, a.width}; }
Output output_of(const RopeArgs& a) { return {a.x, a.tokens, int64_t{a.heads} * a.head_dim, a.x_stride}; }
Output output_of(const SwigluArgs& a) { return {a.h, a.rows, a.width, a.width}; }
Output output_of(const RouterArgs& a) { return {a.weight, a.tokens, a.experts_per_token, a.experts_per_token}; }
Output output_of(const EmbedArgs& a) { return {a.y, a.count, a.table->columns, a.table->columns}; }

/// Which element is wrong: edges of the tiles of any row. Where a call has no such element the row tells the truth.
struct Place {
  std::string name;
  std::function<int64_t(int64_t count)> token, column;
};

const auto first = [](int64_t) { return int64_t{0}; };
const auto last = [](int64_t count) { return count - 1; };
std::function<int64_t(int64_t)> at(int64_t index) {
  return [=](int64_t count) { return index < count ? index : -1; };
}
/// The last of an incomplete tile, the last of the last complete one.
std::function<int64_t(int64_t)> ragged(int64_t tile) {
  return [=](int64_t count) { return count % tile ? count - 1 : -1; };
}
std::function<int64_t(int64_t)> complete(int64_t tile) {
  return [=](int64_t count) { return count >= tile ? count / tile * tile - 1 : -1; };
}

std::vector<Place> places(bool product) {
  std::vector<Place> all = {{"the last token's last output", last, last},
                            {"the first output", first, first},
                            {"output 16", first, at(16)},
                            {"output 15 of the last token", last, at(15)},
                            {"the end of a ragged tile of outputs", first, ragged(16)},
                            {"the second token alone", at(1), first},
                            {"token 16", at(16), last},
                            {"token 15", at(15), first}};
  const std::vector<Place> tiles = {{"the last of a tile of eight tokens", complete(8), at(7)},
                                    {"the last of a ragged tile of eight tokens", ragged(8), at(3)},
                                    {"the last of a ragged tile of five tokens", ragged(5), at(20)},
                                    {"token 64", at(64), at(33)},
                                    {"token 127", at(127), last},
                                    {"token 128", at(128), first},
                                    {"output 64", last, at(64)},
                                    {"output 47", at(3), at(47)}};
  if (product) all.insert(all.end(), tiles.begin(), tiles.end());
  return all;
}

const KernelPath* truth;
std::function<void(const Output&)> lie;

template <class Args>
void liar(const Args& args) {
  std::get<void (*)(const Args&)>(truth->run)(args);
  lie(output_of(args));
}
template <>
void liar(const SampleArgs& args) {
  std::get<void (*)(const SampleArgs&)>(truth->run)(args);
  float token = static_cast<float>(*args.token);
  lie({&token, 1, 1, 1});
  *args.token = static_cast<int32_t>(token);
}

KernelPath lying(const KernelPath& path) {
  truth = &path;
  KernelPath copy = path;
  std::visit(
      [&](auto run) {
        if constexpr (!std::is_same_v<decltype(run), std::monostate>) copy.run = static_cast<decltype(run)>([](auto& args) { liar(args); });
      },
      path.run);
  return copy;
}

Machine test_machine() {
  Machine machine = probe_machine();
  machine.cpu.bandwidth = 2e10;
  for (double& flops : machine.cpu.flops) flops = flops > 0 ? flops : 1e11;
  return machine;
}

/// A plan whose sites are those where `path` is chosen; the other rows of its op but the portable one are left out.
Plan plan_with(const KernelPath& path, const KernelPath* stand_in, const ModelConfig& config) {
  Catalogue reduced;
  for (const KernelPath* other : catalogue().paths)
    if (other->op != path.op || other == &path || is_floor(*other)) reduced.paths.push_back(other == &path && stand_in ? stand_in : other);
  Plan best;
  for (std::string_view weights : weights_choices()) {
    Policy policy;
    policy.numerics = Numerics::fast, policy.device = DeviceChoice::cpu;
    if (!set_weights(policy, weights).ok() || !set_dense_weights(policy, weights).ok()) continue;
    auto plan = make_plan(manifest_from_config(config, "test"), reduced, test_machine(), policy);
    if (!plan.ok()) continue;
    std::erase_if(plan->sites, [&](const SitePlan& site) {
      return std::ranges::none_of(site.decisions, [&](const Decision& d) { return d.chosen->name == path.name; });
    });
    if (plan->sites.size() > best.sites.size()) best = std::move(plan).value();
  }
  return best;
}

ModelConfig narrow_config() {
  ModelConfig config = tiny_config();
  config.hidden = 96, config.intermediate = 160, config.sliding_window = 128;
  return config;
}

std::string finding_of(const std::vector<SelfCheckResult>& results, std::string_view path) {
  for (const SelfCheckResult& result : results)
    if (result.path == path && !result.finding.empty()) return result.finding;
  return "";
}

/// The lie is told in host memory, so CPU rows tell it; what catches it is the same for all.
std::vector<Row> cpu_rows() {
  auto rows = rows_of(
      {Op::embed, Op::norm, Op::linear, Op::rope, Op::attention, Op::router, Op::moe_gate_up, Op::swiglu, Op::moe_down, Op::sample});
  std::erase_if(rows, [](const Row& row) { return row.path->device != Device::cpu; });
  return rows;
}

class LyingRows : public testing::TestWithParam<Row> {};

TEST_P(LyingRows, AreCaughtWhereverTheyLie) {
  const KernelPath& path = *GetParam().path;
  if (!obstacle(path).empty()) GTEST_SKIP() << obstacle(path);
  const KernelPath liar_row = lying(path);
  const ModelConfig config = narrow_config();
  const Plan plan = plan_with(path, &liar_row, config);
  ASSERT_FALSE(plan.sites.empty()) << "no plan of this test chooses " << path.name;
  ThreadPool threads(2);
  const bool product = path.op == Op::linear || path.op == Op::moe_gate_up || path.op == Op::moe_down;
  const bool portable = is_floor(path);
  lie = [](const Output&) {};
  EXPECT_EQ(finding_of(self_check(plan, config, {}, threads), path.name), "");
  for (const Place& place : places(product)) {
    int told = 0;
    lie = [&](const Output& out) {
      const int64_t token = place.token(out.tokens), column = place.column(out.width);
      if (token < 0 || column < 0) return;
      float& value = out.y[token * out.stride + column];
      // The least that may be noticed: one bit where results are exact, and a hundredth elsewhere.
      value = product ? std::nextafter(value, 1e30f) : path.op == Op::sample ? value + 1 : value * 1.01f + 1e-3f;
      ++told;
    };
    const std::string finding = finding_of(self_check(plan, config, {}, threads), path.name);
    if (told == 0) {
      // Only a portable row is spared large batches, and only narrow operations have no such output.
      EXPECT_TRUE(portable || !product) << path.name << " was never called so that it could lie about " << place.name;
      continue;
    }
    EXPECT_NE(finding, "") << path.name << " lied " << told << " times about " << place.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, LyingRows, testing::ValuesIn(cpu_rows()), test_name);

TEST(SelfCheckTime, OfTheRowsOfThe20bShape) {
  const ModelConfig config = gpt_oss_20b_config();
  const auto plan = make_plan(manifest_from_config(config, "20b"), catalogue(), test_machine(), {});
  ASSERT_TRUE(plan.ok());
  ThreadPool threads(plan->threads);
  double total = 0;
  const std::clock_t begin = std::clock();
  for (const SelfCheckResult& result : self_check(*plan, config, {}, threads)) {
    EXPECT_EQ(result.finding, "") << result.path;
    std::cout << result.site << " " << result.path << " " << result.seconds * 1e3 << " ms\n";
    total += result.seconds;
  }
  std::cout << "self-check of the 20b shape: " << total * 1e3 << " ms, " << static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC * 1e3
            << " ms of processor time\n";
  RecordProperty("milliseconds", static_cast<int>(total * 1e3));
  EXPECT_LT(total, 3) << "seconds; 0.3 is the aim on a quiet computer";
}

}  // namespace
}  // namespace mxpath
