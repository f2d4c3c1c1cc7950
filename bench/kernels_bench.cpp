// Every row of the catalogue that this CPU can run, at the shapes of gpt-oss-20b: time, GB/s, GFLOP/s and the share of
// the roof, max(bytes / bandwidth, flops / peak) / time, with the bandwidth measured at the start.
//
//   kernels_bench --benchmark_filter='moe_gate_up.*tokens:1/' [--threads=N]...
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/attention/attention.h"
#include "kernels/catalogue.h"
#include "kernels/embed/embed.h"
#include "kernels/experts_block/experts_block.h"
#include "kernels/linear/linear.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"
#include "kernels/router/router.h"
#include "kernels/sample/sample.h"
#include "kernels/swiglu/swiglu.h"
#include "plan/block.h"
#include "plan/plan.h"

namespace mxpath {
namespace {

constexpr int experts = 32, per_token = 4, hidden = 2880, heads = 64, kv_heads = 8, head_dim = 64, vocab = 201088;

/// One measurement: a row, its site, a number of tokens and threads.
struct Case {
  const KernelPath* path;
  Site site;
  Layout layout;
  int64_t tokens;
  int threads;
};

const Machine& machine(int threads) {
  static std::map<int, Machine> machines;
  auto [at, is_new] = machines.try_emplace(threads);
  if (is_new) {
    at->second = probe_machine();
    at->second.cpu.cores = threads;
    at->second.cpu.bandwidth = measure_bandwidth(threads, 1.0).bytes_per_second;
    assume_cpu_flops(at->second.cpu);
  }
  return at->second;
}

std::vector<float> random_floats(int64_t count) {
  Random random(1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.uniform(-1, 1));
  return values;
}

/// Bytes that are finite weights in every layout: bf16 and float values near one, MXFP4 codes as they come, scales
/// around 2^-7.
void fill_weights(Buffer& buffer, Layout layout, uint64_t scales_at) {
  Random random(2);
  uint64_t* words = buffer.as<uint64_t>();
  for (size_t i = 0; i < buffer.size() / 8; ++i) {
    const uint64_t bits = random.next();
    words[i] = format_of(layout) == NumberFormat::mxfp4 ? bits : (bits & 0x803f803f803f803f) | 0x3f003f003f003f00;
  }
  if (scales_at > 0) std::memset(buffer.data() + scales_at, 120, buffer.size() - scales_at);
}

/// The weights of a site, kept until another layout or shape is asked for.
const PackedMatrix& weights_of(const Site& site, Layout layout) {
  static Buffer buffer;
  static PackedMatrix matrix;
  if (matrix.layout == layout && matrix.experts == site.experts && matrix.rows == site.n && matrix.columns == site.k)
    return matrix;
  buffer = Buffer();
  buffer = std::move(Buffer::allocate(layout_bytes(layout, site.experts, site.n, site.k)).value());
  matrix = {layout, site.experts, site.n, site.k, buffer.data(), nullptr};
  const uint64_t scale_bytes = static_cast<uint64_t>(matrix.expert_scale_bytes() * site.experts),
                 scales_at = scale_bytes > 0 ? buffer.size() - scale_bytes : 0;
  if (scales_at > 0) matrix.scales = buffer.data() + scales_at;
  fill_weights(buffer, layout, scales_at);
  return matrix;
}

/// Runs `call` until Google Benchmark has enough and sets the counters.
template <class Function>
void measure(benchmark::State& state, const Case& c, const Load& load, Function&& call) {
  machine(c.threads);
  call();
  for (auto _ : state) call();
  const Work& work = load.work;
  const double calls = static_cast<double>(state.iterations());
  KernelPath ideal = *c.path;
  ideal.efficiency = 1;
  state.counters["GB/s"] = benchmark::Counter(work.bytes * calls / 1e9, benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] = benchmark::Counter(work.flops * calls / 1e9, benchmark::Counter::kIsRate);
  state.counters["roof"] =
      benchmark::Counter(predicted_seconds(ideal, load, machine(c.threads)) * calls, benchmark::Counter::kIsRate);
}

template <class Function>
void measure(benchmark::State& state, const Case& c, Function&& call) {
  measure(state, c, load_of(c.site, c.layout, {.tokens = static_cast<int>(c.tokens)}), call);
}

template <class Args>
void call_row(const KernelPath& path, const Args& args) {
  std::get<void (*)(const Args&)>(path.run)(args);
}

Site site_of(Op op) {
  Site site;
  for (const SiteRow& row : site_rows())
    if (row.op == op) site.id = row.id;
  site.k = hidden, site.n = hidden, site.experts_per_token = per_token;
  if (op == Op::moe_gate_up || op == Op::moe_down) site.experts = experts;
  if (op == Op::moe_gate_up) site.n = 2 * hidden;
  if (op == Op::linear) site.n = 5120;
  if (op == Op::router) site.n = experts;
  if (op == Op::embed) site.n = 20000;
  if (op == Op::rope) site.n = heads * head_dim;
  if (op == Op::sample) site.n = vocab;
  if (op == Op::attention) site.keys = 1024, site.heads = heads, site.kv_heads = kv_heads, site.head_dim = head_dim;
  return site;
}

Buffer scratch_for(const Case& c) {
  return std::move(
      Buffer::allocate(scratch_bytes(*c.path, c.site, {.tokens = static_cast<int>(c.tokens)}, c.threads)).value());
}

void bench_linear(benchmark::State& state, const Case& c) {
  ThreadPool pool(c.threads);
  const auto x = random_floats(c.tokens * c.site.k), bias = random_floats(c.site.n);
  std::vector<float> y(static_cast<size_t>(c.tokens * c.site.n));
  Buffer scratch = scratch_for(c);
  const LinearArgs args{&weights_of(c.site, c.layout), bias.data(), x.data(),       c.site.k, y.data(), c.site.n,
                        static_cast<int>(c.tokens),    false,       scratch.data(), &pool};
  measure(state, c, [&] { call_row(*c.path, args); });
}

/// A new random choice of distinct experts for every call: one token's experts must not stay in the cache.
struct Routing {
  explicit Routing(int64_t count)
      : tokens(static_cast<int>(count)),
        expert(static_cast<size_t>(count * per_token)),
        order(expert.size()),
        weight(expert.size(), 0.25f),
        first(experts + 1) {}
  void choose() {
    std::vector<int32_t> all(experts);
    for (size_t t = 0; t < static_cast<size_t>(tokens); ++t) {
      std::iota(all.begin(), all.end(), 0);
      for (size_t c = 0; c < per_token; ++c) {
        std::swap(all[c], all[static_cast<size_t>(random.integer(static_cast<int64_t>(c), experts - 1))]);
        expert[t * per_token + c] = all[c];
      }
    }
    group_by_expert(expert.data(), static_cast<int64_t>(expert.size()), experts, first.data(), order.data());
  }
  ExpertBatches view() const { return {experts, per_token, tokens, first.data(), order.data(), weight.data()}; }
  int tokens;
  Random random{3};
  std::vector<int32_t> expert, order;
  std::vector<float> weight;
  std::vector<int32_t> first;
};

void bench_moe(benchmark::State& state, const Case& c) {
  ThreadPool pool(c.threads);
  const int64_t pairs = c.tokens * per_token;
  const auto x = random_floats(pairs * c.site.k), bias = random_floats(experts * c.site.n);
  std::vector<float> y(static_cast<size_t>(pairs * c.site.n));
  Buffer scratch = scratch_for(c);
  Routing routing(c.tokens);
  const PackedMatrix& weights = weights_of(c.site, c.layout);
  measure(state, c, [&] {
    routing.choose();
    const ExpertBatches batches = routing.view();
    call_row(*c.path, MoeMatmulArgs{&weights, bias.data(), x.data(), y.data(), &batches, scratch.data(), &pool});
  });
}

void bench_attention(benchmark::State& state, const Case& c) {
  ThreadPool pool(c.threads);
  const int64_t half = static_cast<int64_t>(kv_half_bytes(NumberFormat::bf16, kv_heads, head_dim)),
                pages = kv_table_entries(c.site.keys + c.tokens);
  std::vector<uint8_t> memory(static_cast<size_t>(2 * half * pages), 0x3d);
  std::vector<int32_t> table(static_cast<size_t>(pages));
  std::iota(table.begin(), table.end(), 0);
  const std::vector<int32_t> slots(static_cast<size_t>(c.tokens), 0);
  std::vector<int32_t> positions;
  for (int64_t t = 0; t < c.tokens; ++t) positions.push_back(static_cast<int32_t>(c.site.keys - 1 + t));
  const auto q = random_floats(c.tokens * heads * head_dim), sinks = random_floats(heads);
  std::vector<float> y(q.size());
  const AttentionArgs args{.q = q.data(),
                           .q_stride = heads * head_dim,
                           .y = y.data(),
                           .sinks = sinks.data(),
                           .positions = positions.data(),
                           .slots = slots.data(),
                           .kv = {memory.data(), 2 * half, 0, half, table.data(), pages},
                           .tokens = static_cast<int>(c.tokens),
                           .heads = heads,
                           .kv_heads = kv_heads,
                           .head_dim = head_dim,
                           .window = static_cast<int>(c.site.keys),
                           .scale = 0.125f,
                           .threads = &pool};
  measure(state, c, [&] { call_row(*c.path, args); });
}

void bench_router(benchmark::State& state, const Case& c) {
  ThreadPool pool(c.threads);
  const auto x = random_floats(c.tokens * hidden), bias = random_floats(experts);
  std::vector<float> logits(static_cast<size_t>(c.tokens * experts)), weight(static_cast<size_t>(c.tokens * per_token));
  std::vector<int32_t> expert(weight.size()), first(experts + 1), order(weight.size());
  const RouterArgs args{&weights_of(c.site, c.layout),
                        bias.data(),
                        x.data(),
                        static_cast<int>(c.tokens),
                        per_token,
                        logits.data(),
                        expert.data(),
                        weight.data(),
                        first.data(),
                        order.data(),
                        &pool};
  measure(state, c, [&] { call_row(*c.path, args); });
}

void bench_small(benchmark::State& state, const Case& c) {
  ThreadPool pool(c.threads);
  const int tokens = static_cast<int>(c.tokens);
  auto x = random_floats(c.tokens * per_token * 2 * hidden);
  const auto scale = random_floats(hidden);
  std::vector<float> y(x.size());
  const std::vector<int32_t> positions(static_cast<size_t>(tokens), 1000);
  const RopeTable table = make_rope_table(RopeConfig{}, head_dim);
  measure(state, c, [&] {
    if (c.path->op == Op::norm)
      call_row(*c.path, NormArgs{x.data(), scale.data(), y.data(), hidden, tokens, 1e-5f, &pool});
    if (c.path->op == Op::swiglu)
      call_row(*c.path, SwigluArgs{x.data(), y.data(), tokens * per_token, hidden, 7.0f, 1.702f, &pool});
    if (c.path->op == Op::rope)
      call_row(*c.path, RopeArgs{x.data(), heads * head_dim, positions.data(), table.inverse_frequency.data(),
                                 table.attention_factor, tokens, heads, head_dim, &pool});
  });
}

void bench_embed(benchmark::State& state, const Case& c) {
  const PackedMatrix& table = weights_of(c.site, c.layout);
  std::vector<int32_t> tokens(static_cast<size_t>(c.tokens));
  std::vector<float> y(static_cast<size_t>(c.tokens * hidden));
  Random random(4);
  measure(state, c, [&] {
    for (int32_t& token : tokens) token = static_cast<int32_t>(random.integer(0, table.rows - 1));
    call_row(*c.path, EmbedArgs{&table, tokens.data(), static_cast<int>(c.tokens), y.data()});
  });
}

void bench_sample(benchmark::State& state, const Case& c) {
  const auto logits = random_floats(vocab);
  Buffer scratch = scratch_for(c);
  const SampleRow row{.random = 0.5};
  int32_t token = 0;
  measure(state, c, [&] {
    call_row(*c.path, SampleArgs{.logits = logits.data(),
                                 .vocab = vocab,
                                 .largest_token = vocab - 1,
                                 .row = &row,
                                 .scratch = scratch.data(),
                                 .token = &token});
  });
}

/// What a row of a composite site computes itself: the other parts are rows that do nothing.
void bench_experts_block(benchmark::State& state, const Case& c) {
  static constexpr KernelPath no_norm{.op = Op::norm, .run = [](const NormArgs&) {}},
      no_router{.op = Op::router, .run = [](const RouterArgs&) {}},
      no_down{.op = Op::moe_down, .run = [](const MoeMatmulArgs&) {}};
  ThreadPool pool(c.threads);
  const int64_t pairs = c.tokens * per_token;
  const auto x = random_floats(c.tokens * hidden), bias = random_floats(experts * 2 * hidden);
  std::vector<float> u(static_cast<size_t>(pairs * 2 * hidden)), h(static_cast<size_t>(pairs * hidden));
  Buffer scratch = scratch_for(c);
  Routing routing(c.tokens);
  const SitePlan gate_up{site_of(Op::moe_gate_up), c.layout, {}}, swiglu{site_of(Op::swiglu), Layout::none, {}};
  const SitePlan* parts[] = {&gate_up, &swiglu};
  const PackedMatrix& weights = weights_of(gate_up.site, c.layout);
  const auto load = fused_load(*c.path, parts, {.tokens = static_cast<int>(c.tokens)});
  measure(state, c, load, [&] {
    routing.choose();
    const ExpertBatches batches = routing.view();
    call_row(*c.path,
             ExpertsBlockArgs{
                 .norm = {&no_norm, {}},
                 .router = {&no_router, {}},
                 .gate_up = {nullptr, {&weights, bias.data(), x.data(), u.data(), &batches, scratch.data(), &pool}},
                 .swiglu = {nullptr, {u.data(), h.data(), pairs, hidden, 7.0f, 1.702f, &pool}},
                 .down = {&no_down, {}}});
  });
}

void run_case(benchmark::State& state, const Case& c) {
  switch (c.path->op) {
    case Op::linear: return bench_linear(state, c);
    case Op::moe_gate_up:
    case Op::moe_down: return bench_moe(state, c);
    case Op::attention: return bench_attention(state, c);
    case Op::router: return bench_router(state, c);
    case Op::embed: return bench_embed(state, c);
    case Op::sample: return bench_sample(state, c);
    case Op::experts_block: return bench_experts_block(state, c);
    default: return bench_small(state, c);
  }
}

std::vector<Layout> layouts_of(const KernelPath& path) {
  for (const FusedPart& part : path.fuses)
    if (part.layout != Layout::none) return {part.layout};
  if (path.weights != Layout::any) return {path.weights};
  if (path.op == Op::moe_gate_up || path.op == Op::moe_down) return {Layout::mxfp4_rows, Layout::bf16_rows};
  return {Layout::bf16_rows};
}

void add_row(const KernelPath& path, const std::vector<int>& threads) {
  if (only_calls_others(path)) return;
  for (Layout layout : layouts_of(path))
    for (int64_t tokens : path.op == Op::sample ? std::vector<int64_t>{1} : std::vector<int64_t>{1, 8, 64, 512})
      for (int count : threads) {
        const Case c{&path, site_of(path.op), layout, tokens, count};
        const std::string form = path.weights == Layout::any ? "/" + std::string(name_of(layout)) : "";
        const std::string name =
            std::string(path.name) + form + "/tokens:" + std::to_string(tokens) + "/threads:" + std::to_string(count);
        benchmark::RegisterBenchmark(name.c_str(), [c](benchmark::State& state) { run_case(state, c); })
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
      }
}

}  // namespace
}  // namespace mxpath

int main(int argc, char** argv) {
  using namespace mxpath;
  std::vector<int> threads;
  for (int i = 1; i < argc; ++i)
    if (std::strncmp(argv[i], "--threads=", 10) == 0) threads.push_back(std::max(std::atoi(argv[i] + 10), 1));
  if (threads.empty()) threads = {1, usable_processors()};
  std::erase_if(threads, [&](const int& count) { return &count != &threads[0] && count == threads[0]; });
  const CpuFeatures features = probe_machine().cpu.features;
  for (const KernelPath* path : catalogue().paths)
    if (path->device == DeviceKind::cpu && path->built && features.contains(path->needs.cpu)) add_row(*path, threads);
  benchmark::Initialize(&argc, argv);
  for (int count : threads)
    benchmark::AddCustomContext("bandwidth, " + std::to_string(count) + " threads",
                                std::to_string(machine(count).cpu.bandwidth / 1e9) + " GB/s");
  benchmark::RunSpecifiedBenchmarks();
}
