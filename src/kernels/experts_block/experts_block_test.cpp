#include "kernels/experts_block/experts_block.h"

#include <algorithm>

#include "base/text.h"
#include "kernels/scratch.h"
#include "kernels/test_rows.h"
#include "plan/block.h"

namespace mxpath {
namespace {

constexpr int experts = 5, choices = 2;
constexpr int64_t hidden = 160;

const KernelPath& row(std::string_view name) { return *catalogue().find(name); }

/// Everything that a block of the model needs, with random numbers.
struct Block {
  int tokens;
  int64_t width;
  std::vector<float> x, scale, t, router_bias, logits, weight, gate_up_bias, u, h, down_bias;
  std::vector<int32_t> expert, first, order;
  TestMatrix router, gate_up, down;
  ExpertBatches batches;
  std::vector<uint8_t> scratch;
  Trace trace;

  Block(Layout layout, int count, int64_t gates) : tokens(count), width(gates) {
    Random random(7);
    const auto floats = [&](int64_t n) { return activations(random, n, false); };
    const auto matrix = [&](Layout held, int64_t n, int64_t rows, int64_t columns) {
      return pack_test_matrix(held, n, rows, columns,
                              values_for(held, mxfp4_values(random, n * rows * columns, false), columns, false, 5));
    };
    x = floats(tokens * hidden), scale = floats(hidden), router_bias = floats(experts);
    gate_up_bias = floats(experts * 2 * width), down_bias = floats(experts * hidden);
    router = matrix(Layout::bf16_rows, 1, experts, hidden), gate_up = matrix(layout, experts, 2 * width, hidden);
    down = matrix(Layout::bf16_rows, experts, hidden, width);
    t.resize(x.size()), logits.resize(static_cast<size_t>(tokens * experts)),
        weight.resize(static_cast<size_t>(tokens * choices));
    u.assign(static_cast<size_t>(tokens * choices * 2 * width), poison), h.assign(u.size() / 2, poison);
    expert.resize(weight.size()), order.resize(weight.size()), first.resize(experts + 1);
    batches = {experts, choices, tokens, first.data(), order.data(), weight.data()};
  }
  /// Enough for these rows.
  void keep_scratch(const KernelPath& block, const KernelPath& product, const KernelPath& gate, ThreadPool& threads) {
    const ExpertsBlockArgs all = args(product, gate, threads);
    const int count = threads.size();
    const size_t bytes = std::max({scratch_bytes(block, all, count), scratch_bytes(product, all.gate_up.args, count),
                                   scratch_bytes(portable_row(Op::moe_down), all.down.args, count)});
    scratch.resize(bytes + 64);
  }
  void* scratch_start() { return scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64; }

  /// On these rows; norm, router and down on portable ones.
  ExpertsBlockArgs args(const KernelPath& product, const KernelPath& gate, ThreadPool& threads) {
    return {.norm = {&portable_row(Op::norm),
                     {.x = x.data(),
                      .scale = scale.data(),
                      .y = t.data(),
                      .width = hidden,
                      .tokens = tokens,
                      .threads = &threads}},
            .router = {&portable_row(Op::router),
                       {.weights = &router.view,
                        .bias = router_bias.data(),
                        .x = t.data(),
                        .tokens = tokens,
                        .experts_per_token = choices,
                        .logits = logits.data(),
                        .expert = expert.data(),
                        .weight = weight.data(),
                        .first = first.data(),
                        .order = order.data(),
                        .threads = &threads}},
            .gate_up = {&product,
                        {.weights = &gate_up.view,
                         .bias = gate_up_bias.data(),
                         .x = t.data(),
                         .y = u.data(),
                         .batches = &batches,
                         .scratch = scratch_start(),
                         .threads = &threads}},
            .swiglu = {&gate,
                       {.u = u.data(), .h = h.data(), .rows = tokens * choices, .width = width, .threads = &threads}},
            .down = {&portable_row(Op::moe_down),
                     {.weights = &down.view,
                      .bias = down_bias.data(),
                      .x = h.data(),
                      .y = x.data(),
                      .batches = &batches,
                      .scratch = scratch_start(),
                      .threads = &threads}},
            .trace = &trace};
  }
};

std::vector<Row> fused_rows() {
  std::vector<Row> rows = rows_of({Op::experts_block});
  std::erase_if(rows, [](const Row& one) { return one.path->fuses.empty() || one.path->device != DeviceKind::cpu; });
  return rows;
}

class ExpertsBlock : public RowTest {
 protected:
  const FusedPart& part(SiteId site) const { return *fused_part(path(), site); }
};

TEST_P(ExpertsBlock, GivesTheBitsOfTheRowsThatItStandsFor) {
  const KernelPath &product = row(part(SiteId::gate_up).like), &gate = row(part(SiteId::swiglu).like);
  for (const int64_t width : {24, 37, 96})  // ragged for every group of rows and every vector
    for (const int tokens : {1, 2, 7, 17, 129})
      for (const int count : {1, 3}) {
        ThreadPool threads(count);
        Block apart(part(SiteId::gate_up).layout, tokens, width), together(part(SiteId::gate_up).layout, tokens, width);
        for (Block* block : {&apart, &together}) block->keep_scratch(path(), product, gate, threads);
        run_row(row("experts_block.cpu.composite"), apart.args(product, gate, threads));
        run_row(path(), together.args(product, gate, threads));
        const std::string which = fmt::format("{} gates, {} tokens, {} threads", width, tokens, count);
        EXPECT_TRUE(same_bits(apart.h, together.h)) << which << ": " << first_difference(apart.h, together.h);
        EXPECT_TRUE(same_bits(apart.x, together.x)) << which << ": " << first_difference(apart.x, together.x);
        EXPECT_EQ(apart.trace.size(), 5u);
        EXPECT_EQ(together.trace.size(), 3u);  // norm, router, down: the rest it computed itself
      }
}

TEST_P(ExpertsBlock, WritesNothingThatIsNotANumber) {
  ThreadPool threads(2);
  Block block(part(SiteId::gate_up).layout, 5, 37);
  block.keep_scratch(path(), row(part(SiteId::gate_up).like), row(part(SiteId::swiglu).like), threads);
  run_row(path(), block.args(row(part(SiteId::gate_up).like), row(part(SiteId::swiglu).like), threads));
  for (const float value : block.h) ASSERT_FALSE(std::isnan(value));
}

INSTANTIATE_TEST_SUITE_P(Rows, ExpertsBlock, testing::ValuesIn(fused_rows()), test_name);

}  // namespace
}  // namespace mxpath
