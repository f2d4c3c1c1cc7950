// What rows promise about the batch: a row that says that it is batch-invariant gives a token the same bits whatever
// tokens share the call, in every chunking and order, and one that says that it is thread-invariant whatever the number
// of threads. A row that says neither promises nothing, and the plan shows that.
#include <functional>
#include <memory>
#include <numeric>

#include "base/text.h"
#include "kernels/attention/attention.h"
#include "kernels/embed/embed.h"
#include "kernels/linear/linear.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"
#include "kernels/router/router.h"
#include "kernels/sample/sample.h"
#include "kernels/swiglu/swiglu.h"
#include "kernels/test_rows.h"

namespace mxpath {
namespace {

constexpr int all_tokens = 133;

/// A fixed problem of all_tokens tokens: runs a row for some of them, in that order, and gives their results one after
/// another.
using Problem = std::function<std::vector<float>(const KernelPath&, const std::vector<int>& tokens, ThreadPool&)>;

/// Rows of `width` that belong to the tokens.
std::vector<float> rows_for(const std::vector<float>& all, const std::vector<int>& tokens, int64_t width) {
  std::vector<float> part;
  for (int t : tokens) part.insert(part.end(), all.begin() + t * width, all.begin() + (t + 1) * width);
  return part;
}
std::vector<float> numbers(int64_t count, uint64_t seed) {
  Random random(seed);
  return activations(random, count, false);
}
int count_of(const std::vector<int>& tokens) { return static_cast<int>(tokens.size()); }

std::vector<uint8_t> scratch_memory(size_t bytes) { return std::vector<uint8_t>(bytes + 64, 0xff); }
void* aligned(std::vector<uint8_t>& memory) {
  return memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;
}

constexpr int64_t n = 37, k = 160;
constexpr int experts = 5, choices = 2;

/// Shared, because its view points into it and problems are copied.
std::shared_ptr<const TestMatrix> matrix_of(Layout layout, int64_t matrices) {
  Random random(3);
  return std::make_shared<const TestMatrix>(pack_test_matrix(
      layout, matrices, n, k, values_for(layout, mxfp4_values(random, matrices * n * k, false), k, false, 5)));
}

Problem linear_problem(Layout layout) {
  return [matrix = matrix_of(layout, 1), bias = numbers(n, 1), x = numbers(all_tokens * k, 2)](
             const KernelPath& path, const std::vector<int>& tokens, ThreadPool& threads) {
    const std::vector<float> in = rows_for(x, tokens, k);
    std::vector<float> y(tokens.size() * n, poison);
    LinearArgs args{.weights = &matrix->view,
                    .bias = bias.data(),
                    .x = in.data(),
                    .x_stride = k,
                    .y = y.data(),
                    .y_stride = n,
                    .tokens = count_of(tokens),
                    .threads = &threads};
    auto scratch = scratch_memory(scratch_bytes(path, args, threads.size()));
    args.scratch = aligned(scratch);
    run_row(path, args);
    return y;
  };
}

Problem moe_problem(Layout layout, bool down) {
  return [down, matrix = matrix_of(layout, experts), bias = numbers(experts * n, 1),
          x = numbers(all_tokens * choices * k, 2), before = numbers(all_tokens * n, 4)](
             const KernelPath& path, const std::vector<int>& tokens, ThreadPool& threads) {
    std::vector<int32_t> expert, first(experts + 1), order(tokens.size() * choices);
    std::vector<float> weight;
    for (int t : tokens)
      for (int c = 0; c < choices; ++c)
        expert.push_back((t * t / 3 + 2 * c + t % 2) % experts), weight.push_back(1.0f / static_cast<float>(t + c + 1));
    group_by_expert(expert.data(), std::ssize(expert), experts, first.data(), order.data());
    const ExpertBatches batches{experts, choices, count_of(tokens), first.data(), order.data(), weight.data()};
    const std::vector<float> in = rows_for(x, tokens, down ? choices * k : k);
    std::vector<float> y = down ? rows_for(before, tokens, n) : std::vector<float>(tokens.size() * choices * n, poison);
    MoeMatmulArgs args{.weights = &matrix->view,
                       .bias = bias.data(),
                       .x = in.data(),
                       .y = y.data(),
                       .batches = &batches,
                       .threads = &threads};
    auto scratch = scratch_memory(scratch_bytes(path, args, threads.size()));
    args.scratch = aligned(scratch);
    run_row(path, args);
    return y;
  };
}

/// One sequence, all of whose keys are stored.
struct Keys {
  static constexpr int heads = 4, kv_heads = 2, head_dim = 32, length = all_tokens + 60;
  std::vector<uint8_t> storage;
  std::vector<int32_t> table;
  KvPages pages;
  Keys() {
    const int64_t half = static_cast<int64_t>(kv_half_bytes(NumberFormat::bf16, kv_heads, head_dim)),
                  count = kv_table_entries(length);
    storage.resize(static_cast<size_t>(2 * half * count));
    table.resize(static_cast<size_t>(count));
    std::iota(table.begin(), table.end(), 0);
    pages = {storage.data(), 2 * half, 0, half, table.data(), count};
    const auto keys = numbers(length * kv_heads * head_dim, 6), values = numbers(length * kv_heads * head_dim, 7);
    for (int p = 0; p < length; ++p)
      kv_store(pages, 0, p, kv_heads, head_dim, &keys[static_cast<size_t>(p * kv_heads * head_dim)],
               &values[static_cast<size_t>(p * kv_heads * head_dim)]);
  }
};

Problem attention_problem(int window) {
  constexpr int64_t width = Keys::heads * Keys::head_dim;
  return [window, keys = std::make_shared<Keys>(), q = numbers(all_tokens * width, 8), sinks = numbers(Keys::heads, 9)](
             const KernelPath& path, const std::vector<int>& tokens, ThreadPool& threads) {
    const std::vector<float> in = rows_for(q, tokens, width);
    std::vector<float> y(in.size(), poison);
    std::vector<int32_t> positions;
    for (int t : tokens) positions.push_back(t + 60);
    const std::vector<int32_t> slots(tokens.size(), 0);
    AttentionArgs args{.q = in.data(),
                       .q_stride = width,
                       .y = y.data(),
                       .sinks = sinks.data(),
                       .positions = positions.data(),
                       .slots = slots.data(),
                       .kv = keys->pages,
                       .tokens = count_of(tokens),
                       .heads = Keys::heads,
                       .kv_heads = Keys::kv_heads,
                       .head_dim = Keys::head_dim,
                       .window = window,
                       .scale = 0.2f,
                       .threads = &threads};
    auto scratch = scratch_memory(scratch_bytes(path, args, threads.size()));
    args.scratch = aligned(scratch);
    run_row(path, args);
    return y;
  };
}

Problem norm_problem() {
  return [x = numbers(all_tokens * k, 2), scale = numbers(k, 1)](const KernelPath& path, const std::vector<int>& tokens,
                                                                 ThreadPool& threads) {
    const std::vector<float> in = rows_for(x, tokens, k);
    std::vector<float> y(in.size(), poison);
    run_row(path, NormArgs{.x = in.data(),
                           .scale = scale.data(),
                           .y = y.data(),
                           .width = k,
                           .tokens = count_of(tokens),
                           .threads = &threads});
    return y;
  };
}

Problem rope_problem() {
  constexpr int heads = 3, head_dim = 32;
  return [x = numbers(all_tokens * heads * head_dim, 2), table = make_rope_table({}, head_dim)](
             const KernelPath& path, const std::vector<int>& tokens, ThreadPool& threads) {
    std::vector<float> y = rows_for(x, tokens, heads * head_dim);
    std::vector<int32_t> positions;
    for (int t : tokens) positions.push_back(37 * t);
    run_row(path, RopeArgs{.x = y.data(),
                           .x_stride = heads * head_dim,
                           .positions = positions.data(),
                           .inverse_frequency = table.inverse_frequency.data(),
                           .attention_factor = table.attention_factor,
                           .tokens = count_of(tokens),
                           .heads = heads,
                           .head_dim = head_dim,
                           .threads = &threads});
    return y;
  };
}

Problem swiglu_problem() {
  constexpr int64_t width = 83;
  return [u = numbers(all_tokens * 2 * width, 2)](const KernelPath& path, const std::vector<int>& tokens,
                                                  ThreadPool& threads) {
    const std::vector<float> in = rows_for(u, tokens, 2 * width);
    std::vector<float> h(in.size() / 2, poison);
    run_row(path,
            SwigluArgs{.u = in.data(), .h = h.data(), .rows = count_of(tokens), .width = width, .threads = &threads});
    return h;
  };
}

/// Weights and experts; how they are grouped depends on the batch by what it is.
Problem router_problem() {
  return [matrix = matrix_of(Layout::bf16_rows, 1), bias = numbers(n, 1), x = numbers(all_tokens * k, 2)](
             const KernelPath& path, const std::vector<int>& tokens, ThreadPool& threads) {
    constexpr int chosen = 4;
    const std::vector<float> in = rows_for(x, tokens, k);
    std::vector<float> logits(tokens.size() * n, poison), weight(tokens.size() * chosen, poison);
    std::vector<int32_t> expert(weight.size()), first(n + 1), order(weight.size());
    run_row(path, RouterArgs{.weights = &matrix->view,
                             .bias = bias.data(),
                             .x = in.data(),
                             .tokens = count_of(tokens),
                             .experts_per_token = chosen,
                             .logits = logits.data(),
                             .expert = expert.data(),
                             .weight = weight.data(),
                             .first = first.data(),
                             .order = order.data(),
                             .threads = &threads});
    std::vector<float> results;
    for (size_t t = 0; t < tokens.size(); ++t) {
      results.insert(results.end(), logits.begin() + static_cast<int64_t>(t) * n,
                     logits.begin() + static_cast<int64_t>(t + 1) * n);
      for (size_t i = t * chosen; i < (t + 1) * chosen; ++i)
        results.push_back(weight[i]), results.push_back(static_cast<float>(expert[i]));
    }
    return results;
  };
}

Problem embed_problem(Layout layout) {
  return [matrix = matrix_of(layout, 1)](const KernelPath& path, const std::vector<int>& tokens, ThreadPool&) {
    std::vector<int32_t> ids;
    for (int t : tokens) ids.push_back(t * 5 % static_cast<int>(n));
    std::vector<float> y(tokens.size() * k, poison);
    run_row(path, EmbedArgs{.table = &matrix->view, .tokens = ids.data(), .count = count_of(tokens), .y = y.data()});
    return y;
  };
}

/// Every way to choose, by the token: greedy, all, cut by each of the three.
SampleRow sample_row_of(int t) {
  SampleRow row{.temperature = t % 5 == 0 ? 0.0f : 0.8f, .random = (t + 0.5) / all_tokens};
  if (t % 5 == 2) row.top_k = 30;
  if (t % 5 == 3) row.top_p = 0.9f;
  if (t % 5 == 4) row.min_p = 0.2f;
  return row;
}
Problem sample_problem() {
  constexpr int vocab = 500, top = 3;
  return [logits = numbers(all_tokens * vocab, 2)](const KernelPath& path, const std::vector<int>& tokens,
                                                   ThreadPool& threads) {
    const std::vector<float> in = rows_for(logits, tokens, vocab);
    std::vector<SampleRow> rows;
    for (int t : tokens) rows.push_back(sample_row_of(t));
    std::vector<int32_t> token(tokens.size()), top_token(tokens.size() * top);
    std::vector<float> logprob(tokens.size()), top_logprob(top_token.size());
    SampleArgs args{.logits = in.data(),
                    .logits_stride = vocab,
                    .rows = count_of(tokens),
                    .vocab = vocab,
                    .largest_token = vocab - 10,
                    .row = rows.data(),
                    .top = top,
                    .token = token.data(),
                    .logprob = logprob.data(),
                    .top_token = top_token.data(),
                    .top_logprob = top_logprob.data(),
                    .threads = &threads};
    auto scratch = scratch_memory(scratch_bytes(path, args, threads.size()));
    args.scratch = aligned(scratch);
    run_row(path, args);
    std::vector<float> results;
    for (size_t t = 0; t < tokens.size(); ++t) {
      results.push_back(static_cast<float>(token[t])), results.push_back(logprob[t]);
      for (size_t i = t * top; i < (t + 1) * top; ++i)
        results.push_back(static_cast<float>(top_token[i])), results.push_back(top_logprob[i]);
    }
    return results;
  };
}

std::vector<Problem> problems_of(const KernelPath& path) {
  std::vector<Problem> all;
  const bool reads =
      path.op == Op::linear || path.op == Op::moe_gate_up || path.op == Op::moe_down || path.op == Op::embed;
  for (Layout layout : reads ? layouts_of(path) : std::vector<Layout>()) {
    if (group_of(layout) != 0 && k % group_of(layout) != 0) continue;
    if (path.op == Op::linear) all.push_back(linear_problem(layout));
    else if (path.op == Op::embed) all.push_back(embed_problem(layout));
    else all.push_back(moe_problem(layout, path.op == Op::moe_down));
  }
  switch (path.op) {
    case Op::attention: return {attention_problem(0), attention_problem(50)};
    case Op::norm: return {norm_problem()};
    case Op::rope: return {rope_problem()};
    case Op::swiglu: return {swiglu_problem()};
    case Op::router: return {router_problem()};
    case Op::sample: return {sample_problem()};
    default: return all;
  }
}

std::vector<int> every_token() {
  std::vector<int> all(all_tokens);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Token lists that together say what may share a call: chunks of every size around tile edges, the reverse, some at
/// random.
std::vector<std::vector<int>> batches() {
  std::vector<std::vector<int>> lists;
  const std::vector<int> all = every_token();
  for (const int size : {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129})
    for (int begin = 0; begin < all_tokens; begin += size)
      lists.emplace_back(all.begin() + begin, all.begin() + std::min(begin + size, all_tokens));
  lists.emplace_back(all.rbegin(), all.rend());
  Random random(12);
  for (int round = 0; round < 10; ++round) {
    lists.emplace_back();
    for (int t : all)
      if (random.integer(0, 2) == 0) lists.back().push_back(t);
  }
  return lists;
}

/// Where a call with other tokens gives a token other bits; empty: nowhere.
std::string batch_difference(const KernelPath& path, const Problem& problem) {
  ThreadPool threads(1);
  const std::vector<float> whole = problem(path, every_token(), threads);
  const int64_t width = std::ssize(whole) / all_tokens;
  for (const std::vector<int>& tokens : batches())
    if (const auto part = problem(path, tokens, threads), expected = rows_for(whole, tokens, width);
        !same_bits(part, expected))
      return fmt::format("a call of {} tokens from token {} on differs {}", tokens.size(), tokens.front(),
                         first_difference(part, expected));
  return "";
}

std::string thread_difference(const KernelPath& path, const Problem& problem) {
  for (const int count : {1, 9, all_tokens}) {
    std::vector<int> tokens = every_token();
    tokens.resize(static_cast<size_t>(count));
    ThreadPool alone(1);
    const std::vector<float> one = problem(path, tokens, alone);
    for (const int size : {2, 3, 5, 8}) {
      ThreadPool threads(size);
      if (const auto other = problem(path, tokens, threads); !same_bits(one, other))
        return fmt::format("{} threads differ for {} tokens {}", size, count, first_difference(one, other));
    }
  }
  return "";
}

class Invariance : public RowTest {};

TEST_P(Invariance, IsWhatTheRowSaysOfTheBatch) {
  if (!path().batch_invariant) GTEST_SKIP() << "promises nothing";
  for (const Problem& problem : problems_of(path())) EXPECT_EQ(batch_difference(path(), problem), "");
}

TEST_P(Invariance, IsWhatTheRowSaysOfThreads) {
  if (!path().thread_invariant) GTEST_SKIP() << "promises nothing";
  for (const Problem& problem : problems_of(path())) EXPECT_EQ(thread_difference(path(), problem), "");
}

INSTANTIATE_TEST_SUITE_P(Rows, Invariance,
                         testing::ValuesIn(rows_of({Op::embed, Op::norm, Op::linear, Op::rope, Op::attention,
                                                    Op::router, Op::moe_gate_up, Op::swiglu, Op::moe_down,
                                                    Op::sample})),
                         test_name);

/// A row that adds in another order as soon as there are eight tokens, and one whose threads decide.
TEST(InvarianceTest, SeesARowThatDependsOnTheBatchOrOnThreads) {
  KernelPath row{.name = "norm.cpu.test.f32", .op = Op::norm};
  const auto sum_of = [](const float* x, int64_t width, int64_t step) {
    float sum = 0;
    for (int64_t lane = 0; lane < step; ++lane)
      for (int64_t i = lane; i < width; i += step) sum += x[i];
    return sum;
  };
  static const auto sum = sum_of;
  row.run = +[](const NormArgs& a) {
    for (int t = 0; t < a.tokens; ++t)
      std::fill_n(a.y + t * a.width, a.width, sum(a.x + t * a.width, a.width, a.tokens >= 8 ? 7 : 1));
  };
  EXPECT_NE(batch_difference(row, norm_problem()), "");
  EXPECT_EQ(thread_difference(row, norm_problem()), "");
  row.run = +[](const NormArgs& a) {
    for (int t = 0; t < a.tokens; ++t)
      std::fill_n(a.y + t * a.width, a.width, sum(a.x + t * a.width, a.width, a.threads->size()));
  };
  EXPECT_EQ(batch_difference(row, norm_problem()), "");
  EXPECT_NE(thread_difference(row, norm_problem()), "");
}

/// Without a promise for each operation on the CPU the README's could not be kept.
TEST(InvarianceTest, IsPromisedByEveryRowOfTheCpu) {
  for (const KernelPath* path : catalogue().paths)
    EXPECT_TRUE(path->device != DeviceKind::cpu || (path->batch_invariant && path->thread_invariant)) << path->name;
}

/// Rows of a GPU that choose a kernel by the number of tokens cannot promise it.
TEST(InvarianceTest, IsNotPromisedByRowsThatChooseByTheNumberOfTokens) {
  for (const char* name : {"linear.cuda.portable.f32", "moe_gate_up.cuda.portable.f32", "moe_down.cuda.portable.f32",
                           "attention.cuda.portable.f32", "router.cuda.portable.f32"})
    EXPECT_FALSE(catalogue().find(name)->batch_invariant) << name;
  EXPECT_TRUE(catalogue().find("sample.cuda.portable.f32")->batch_invariant);
}

}  // namespace
}  // namespace mxpath
