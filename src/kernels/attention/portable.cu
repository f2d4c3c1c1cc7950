// Which of the kernels a call takes, and two more:
//   store_keys    writes keys and values of a batch.
//   attend_plain  a block for (token, head), for head sizes that the others do not take.
#include "kernels/attention/portable_keys.cuh"
#include "kernels/attention/portable_tile.cuh"
#include "kernels/cuda_row.h"

namespace mxpath {
namespace {

constexpr const char* name = "attention.cuda.portable.f32";
/// Up to so many tokens attend_keys is used: a tile of tokens pays off when many of them share a sequence.
constexpr int most_single_tokens = 64;

template <Held held>
__global__ void __launch_bounds__(threads) store_keys(AttentionArgs args) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t head = warp; head < args.kv_heads; head += warps) store_row<held>(args, blockIdx.x, head, lane, 32);
}

/// A block for (token, head); a thread for a key, then for a dimension. y itself holds the sums on the way.
__global__ void __launch_bounds__(threads) attend_plain(AttentionArgs args) {
  __shared__ float scores[threads], most[warps];
  const int64_t token = blockIdx.x, head = blockIdx.y, kv_head = head / (args.heads / args.kv_heads);
  const int thread = static_cast<int>(threadIdx.x), last = args.positions[token];
  const int slot = args.slots[token];
  const float* q = args.q + token * args.q_stride + head * args.head_dim;
  float* y = args.y + (token * args.heads + head) * args.head_dim;
  float largest = args.sinks[head], sum = largest == -INFINITY ? 0.0f : 1.0f;
  for (int i = thread; i < args.head_dim; i += threads) y[i] = 0;
  for (int base = first_position(args, last); base <= last; base += threads) {
    const int count = min(threads, last + 1 - base);
    float score = -INFINITY;
    if (thread < count) {
      const CacheRow row = CacheRow::at<Held::any>(args, slot, base + thread, kv_head);
      score = 0;
      for (int i = 0; i < args.head_dim; ++i) score += q[i] * element(args, row, args.kv.keys, i);
      score *= args.scale;
    }
    float chunk_most = score;
    for (int step = 16; step > 0; step /= 2)
      chunk_most = fmaxf(chunk_most, __shfl_xor_sync(all_lanes, chunk_most, step));
    if (thread % 32 == 0) most[thread / 32] = chunk_most;
    __syncthreads();
    float now = largest;
    for (int w = 0; w < warps; ++w) now = fmaxf(now, most[w]);
    const float zero = base_of(now), keep = expf(largest - zero);
    largest = now;
    scores[thread] = expf(score - zero);
    __syncthreads();
    sum *= keep;
    for (int j = 0; j < count; ++j) sum += scores[j];
    for (int i = thread; i < args.head_dim; i += threads) {
      float value = y[i] * keep;
      for (int j = 0; j < count; ++j) {
        const CacheRow row = CacheRow::at<Held::any>(args, slot, base + j, kv_head);
        value += scores[j] * element(args, row, args.kv.values, i);
      }
      y[i] = value;
    }
    __syncthreads();
  }
  for (int i = thread; i < args.head_dim; i += threads) y[i] /= sum;
}

/// Parts that the keys of each of so many decoding tokens are split into: all parts together stay below what the
/// scratch holds.
int parts_for(const AttentionArgs& args) {
  // A window is short: up to 128 keys of it a block, so the usual one needs no second kernel.
  const int most = args.window > 0 ? (args.window - 1) / 128 + 1 : attention_splits;
  int parts = attention_splits;
  while (parts > 1 && int64_t{parts} * args.tokens > attention_splits * attention_split_tokens) parts /= 2;
  return most < parts ? most : parts;
}

template <Held held>
void launch_keys(const AttentionArgs& args) {
  const int groups = (args.heads / args.kv_heads + heads_at_once - 1) / heads_at_once, parts = parts_for(args);
  const dim3 grid(static_cast<unsigned>(parts), static_cast<unsigned>(args.kv_heads * groups),
                  static_cast<unsigned>(args.tokens));
  const bool stores = args.k && args.tokens == 1;
  launch(*args.stream, name, args.head_dim <= 64 ? attend_keys<8, held> : attend_keys<16, held>, grid, dim3(threads),
         args, parts, groups, stores);
  if (parts > 1)
    launch(*args.stream, name, add_parts, dim3(static_cast<unsigned>(args.heads), static_cast<unsigned>(args.tokens)),
           dim3(threads), args, parts);
}

template <class T>
void launch_tile(const AttentionArgs& args) {
  const int group = args.heads / args.kv_heads, heads = group < T::rows ? group : T::rows,
            groups = (group + heads - 1) / heads, tokens_at_once = T::rows / heads;
  launch(*args.stream, name, attend_tile<T>,
         dim3(blocks_for(args.tokens, tokens_at_once), static_cast<unsigned>(args.kv_heads * groups)), dim3(threads),
         args, tokens_at_once, heads, groups);
}

/// The same call for the tokens [first, first + count), whose keys are stored.
AttentionArgs some_tokens(const AttentionArgs& args, int first, int count) {
  AttentionArgs part = args;
  part.q += first * args.q_stride, part.y += int64_t{first} * args.heads * args.head_dim;
  part.k = part.v = nullptr;
  part.positions += first, part.slots += first, part.tokens = count, part.singles = 0;
  return part;
}

template <Held held>
void attend(const AttentionArgs& args) {
  const bool single = args.tokens <= most_single_tokens;
  if (args.k && !(single && args.tokens == 1))
    launch(*args.stream, name, store_keys<held>, dim3(blocks_for(args.tokens, 1)), dim3(threads), args);
  if (single) return launch_keys<held>(args);
  if (args.singles > 0) launch_keys<held>(some_tokens(args, 0, args.singles));
  if (args.singles >= args.tokens) return;
  const AttentionArgs rest = some_tokens(args, args.singles, args.tokens - args.singles);
  if (args.head_dim <= 64) launch_tile<Tile64<held>>(rest);
  else launch_tile<Tile128<held>>(rest);
}

template <Held held>
const void* const images_of[] = {
    reinterpret_cast<const void*>(&store_keys<held>), reinterpret_cast<const void*>(&attend_keys<8, held>),
    reinterpret_cast<const void*>(&attend_keys<16, held>), reinterpret_cast<const void*>(&attend_tile<Tile64<held>>),
    reinterpret_cast<const void*>(&attend_tile<Tile128<held>>)};

}  // namespace

void attention_cuda_portable(const AttentionArgs& args) {
  if (args.head_dim % 8 != 0 || args.head_dim > 128) {
    if (args.k)
      launch(*args.stream, name, store_keys<Held::any>, dim3(blocks_for(args.tokens, 1)), dim3(threads), args);
    launch(*args.stream, name, attend_plain, dim3(blocks_for(args.tokens, 1), static_cast<unsigned>(args.heads)),
           dim3(threads), args);
  } else if (args.kv.format == NumberFormat::bf16) {
    attend<Held::bf16>(args);
  } else if (args.kv.format == NumberFormat::fp16) {
    attend<Held::fp16>(args);
  } else {
    attend<Held::any>(args);
  }
}
KernelImages attention_cuda_portable_images() {
  static const std::vector<const void*> images = [] {
    std::vector<const void*> all{reinterpret_cast<const void*>(&add_parts),
                                 reinterpret_cast<const void*>(&attend_plain)};
    for (const auto& of :
         {std::span(images_of<Held::bf16>), std::span(images_of<Held::fp16>), std::span(images_of<Held::any>)})
      all.insert(all.end(), of.begin(), of.end());
    return all;
  }();
  return images;
}

}  // namespace mxpath
