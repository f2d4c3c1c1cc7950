#include "kernels/attention/attention.h"

#include <algorithm>
#include <vector>

#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/fp8.h"
#include "kernels/attention/head_group.h"
#include "kernels/cuda_row.h"
#include "kernels/row_products/portable.h"
#include "kernels/rows.h"
#include "kernels/scratch.h"
#include "kernels/simd/exp.h"

namespace mxpath {

MXPATH_CUDA_ROW(attention_cuda_portable, AttentionArgs)

static_assert(kv_page_tokens == chunk_positions, "the loops take a page at a time");
namespace {

/// Pair i of `tokens` × key heads. Heads are the slow index, so that the keys of one head stay in the cache for all
/// tokens; tokens come as first, last, second, last but one, …, so that every stretch of them has about the same number
/// of keys to look at.
struct Pair {
  int64_t token, head;
};
Pair pair_at(size_t i, int tokens) {
  const int64_t j = static_cast<int64_t>(i) % tokens;
  return {j % 2 == 0 ? j / 2 : tokens - 1 - j / 2, static_cast<int64_t>(i) / tokens};
}

KvCodes codes_of(NumberFormat format) {
  switch (format) {
    case NumberFormat::fp16: return KvCodes::fp16;
    case NumberFormat::fp32: return KvCodes::fp32;
    case NumberFormat::fp8_e4m3: return KvCodes::e4m3;
    case NumberFormat::int8: return KvCodes::int8;
    default: return KvCodes::bf16;
  }
}

HeadGroupJob job_of(const AttentionArgs& args, const Pair& pair) {
  const int group = args.heads / args.kv_heads;
  const int64_t width = group * args.head_dim, last = args.positions[pair.token];
  const KvPages& kv = args.kv;
  const int64_t rows = pair.head * kv_page_tokens,
                row_bytes = int64_t{facts_of(kv.format).element_bits} / 8 * args.head_dim,
                scales = args.kv_heads * kv_page_tokens * row_bytes + rows * int64_t{sizeof(float)};
  HeadGroupJob job{};
  job.q = args.q + pair.token * args.q_stride + pair.head * width;
  job.y = args.y + pair.token * args.heads * args.head_dim + pair.head * width;
  job.sinks = args.sinks + pair.head * group, job.group = group, job.head_dim = args.head_dim, job.scale = args.scale;
  job.first = args.window > 0 ? std::max<int64_t>(0, last - args.window + 1) : 0, job.last = last;
  job.table = kv.tables + args.slots[pair.token] * kv.table_stride, job.pool = kv.pool, job.page_bytes = kv.page_bytes;
  job.keys = kv.keys + rows * row_bytes, job.values = kv.values + rows * row_bytes;
  job.key_scales = kv.keys + scales, job.value_scales = kv.values + scales;
  job.codes = codes_of(kv.format);
  return job;
}

/// What the pair with the most keys takes, about.
double pair_nanoseconds(const AttentionArgs& args) {
  int64_t keys = 0;
  for (int t = 0; t < args.tokens; ++t) keys = std::max<int64_t>(keys, args.positions[t] + 1);
  if (args.window > 0) keys = std::min<int64_t>(keys, args.window);
  return static_cast<double>(keys * args.heads / args.kv_heads * args.head_dim) * 2 / vector_products_per_ns;
}

/// Splits pairs over threads; all query heads of a key head go together, so that keys are read once.
void run_groups(const AttentionArgs& args, HeadGroupFn kernel) {
  for (int64_t t = 0; args.k && t < args.tokens; ++t)
    kv_store(args.kv, args.slots[t], args.positions[t], args.kv_heads, args.head_dim, args.k + t * args.q_stride,
             args.v + t * args.q_stride);
  const size_t floats =
      static_cast<size_t>(attention_thread_floats(args.heads / args.kv_heads, args.head_dim, codes_of(args.kv.format)));
  const size_t pairs = static_cast<size_t>(args.tokens) * static_cast<size_t>(args.kv_heads);
  args.threads->for_range(pairs, items_worth_a_thread(pair_nanoseconds(args)), [&](size_t begin, size_t end, int) {
    std::vector<float> scratch(floats);
    for (size_t i = begin; i < end; ++i) kernel(job_of(args, pair_at(i, args.tokens)), scratch.data());
  });
}

/// Rows of a key head in the order of positions, as floats.
template <KvCodes codes>
struct Rows {
  const HeadGroupJob& job;
  int64_t rows, scales;

  const uint8_t* page(int64_t position) const {
    return job.pool + job.table[position / kv_page_tokens] * job.page_bytes;
  }
  /// What to multiply the values of a row by.
  float scale(int64_t position) const {
    if constexpr (codes != KvCodes::int8) return 1;
    else return reinterpret_cast<const float*>(page(position) + scales)[position % kv_page_tokens];
  }
  auto codes_at(int64_t position) const {
    const uint8_t* from = page(position) + rows;
    const int64_t at = position % kv_page_tokens * job.head_dim;
    if constexpr (codes == KvCodes::fp32) return reinterpret_cast<const float*>(from) + at;
    else if constexpr (codes == KvCodes::int8) return reinterpret_cast<const int8_t*>(from) + at;
    else if constexpr (codes == KvCodes::e4m3) return from + at;
    else return reinterpret_cast<const uint16_t*>(from) + at;
  }
  template <class Code>
  static float value(Code code) {
    if constexpr (codes == KvCodes::bf16) return decode_bf16(code);
    else if constexpr (codes == KvCodes::fp16) return decode_fp16(code);
    else if constexpr (codes == KvCodes::e4m3) return decode_e4m3(code);
    else return static_cast<float>(code);
  }
};

/// Eight partial sums: the compiler can use baseline vector registers and the order stays fixed.
template <KvCodes codes>
float dot(const float* q, const Rows<codes>& keys, int64_t position, int head_dim) {
  const auto* k = keys.codes_at(position);
  const float scale = keys.scale(position);
  float part[8] = {};
  int i = 0;
  for (; i + 8 <= head_dim; i += 8)
    for (int j = 0; j < 8; ++j) part[j] += q[i + j] * (scale * keys.value(k[i + j]));
  for (int j = 0; i < head_dim; ++i, ++j) part[j] += q[i] * (scale * keys.value(k[i]));
  return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

/// The running softmax of one head: weights relative to the largest score so far.
struct Softmax {
  float largest, sum;
  float* y;
};

/// Takes in `count` scores, which become weights.
void advance(Softmax& state, float* scores, int64_t count, int head_dim) {
  float largest = state.largest;
  for (int64_t j = 0; j < count; ++j) largest = std::max(largest, scores[j]);
  const float keep = exp_f32(state.largest - largest);
  if (keep != 1.0f)
    for (int i = 0; i < head_dim; ++i) state.y[i] *= keep;
  state.sum *= keep;
  for (int64_t j = 0; j < count; ++j) state.sum += scores[j] = exp_f32(scores[j] - largest);
  state.largest = largest;
}

template <KvCodes codes>
void head_group_of(const HeadGroupJob& job, float* scratch) {
  const Rows<codes> keys{job, job.keys, job.key_scales}, values{job, job.values, job.value_scales};
  for (int h = 0; h < job.group; ++h) {
    const float* q = job.q + h * job.head_dim;
    // The sink is a score without a value: the sum starts with its weight. Of minus infinity the first chunk takes that
    // back.
    Softmax state{job.sinks[h], 1.0f, job.y + h * job.head_dim};
    std::fill_n(state.y, job.head_dim, 0.0f);
    for (int64_t p = job.first; p <= job.last;) {
      const int64_t count = std::min(job.last + 1, (p / chunk_positions + 1) * chunk_positions) - p;
      for (int64_t j = 0; j < count; ++j) scratch[j] = dot(q, keys, p + j, job.head_dim) * job.scale;
      advance(state, scratch, count, job.head_dim);
      for (int64_t j = 0; j < count; ++j) {
        const auto* v = values.codes_at(p + j);
        const float scale = values.scale(p + j);
        for (int i = 0; i < job.head_dim; ++i) state.y[i] += scratch[j] * (scale * values.value(v[i]));
      }
      p += count;
    }
    for (int i = 0; i < job.head_dim; ++i) state.y[i] /= state.sum;
  }
}

void head_group_portable(const HeadGroupJob& job, float* scratch) {
  switch (job.codes) {
    case KvCodes::bf16: return head_group_of<KvCodes::bf16>(job, scratch);
    case KvCodes::fp16: return head_group_of<KvCodes::fp16>(job, scratch);
    case KvCodes::fp32: return head_group_of<KvCodes::fp32>(job, scratch);
    case KvCodes::e4m3: return head_group_of<KvCodes::e4m3>(job, scratch);
    case KvCodes::int8: return head_group_of<KvCodes::int8>(job, scratch);
  }
}

void attention_portable(const AttentionArgs& args) { run_groups(args, head_group_portable); }

void attention_avx2(const AttentionArgs& args) { run_groups(args, head_group_avx2); }
void attention_avx512(const AttentionArgs& args) { run_groups(args, head_group_avx512); }

/// The partial results of decoding tokens whose keys are split over many blocks: largest score, sum of weights,
/// weighted values.
size_t attention_cuda_scratch(const Site& site, const Call& call, int) {
  const int64_t tokens = std::min<int64_t>(call.tokens, attention_split_tokens);
  return static_cast<size_t>(tokens * site.heads * attention_splits * (site.head_dim + 2)) * sizeof(float);
}

constexpr KernelPath paths[] = {
    {.name = "attention.cpu.avx512.f32",
     .op = Op::attention,
     .needs = {.cpu = avx512_features},
     .unit = Unit::avx512,
     .efficiency = 0.47,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = attention_avx512},
    {.name = "attention.cpu.avx2.f32",
     .op = Op::attention,
     .needs = {.cpu = {CpuFeature::avx2, CpuFeature::fma, CpuFeature::f16c}},
     .unit = Unit::avx2,
     .efficiency = 0.37,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = attention_avx2},
    {.name = "attention.cpu.portable.f32",
     .op = Op::attention,
     .unit = Unit::scalar,
     .efficiency = 0.43,
     .batch_invariant = true,
     .thread_invariant = true,
     .run = attention_portable},
    {.name = "attention.cuda.portable.f32",
     .op = Op::attention,
     .device = DeviceKind::cuda,
     .needs = cuda_portable_needs,
     .unit = Unit::cuda_cores,
     .efficiency = 0.2,
     .thread_invariant = true,
     .built = cuda_built,
     .scratch = attention_cuda_scratch,
     .run = attention_cuda_portable,
     .images = attention_cuda_portable_images},
};

}  // namespace

SiteCall call_of(const AttentionArgs& args) {
  return {Site{.heads = args.heads, .kv_heads = args.kv_heads, .head_dim = args.head_dim}, Call{.tokens = args.tokens}};
}

std::span<const KernelPath> attention_paths() { return paths; }

}  // namespace mxpath
