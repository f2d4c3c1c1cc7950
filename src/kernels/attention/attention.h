// Attention with sinks and a sliding window over a key/value cache that sequences own.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "device/device.h"

namespace mxpath {

/// Keys and values of one sequence in one layer. Position p lies in slot p % capacity; slot s in block s /
/// kv_block_tokens. A block is BF16 [kv_heads][kv_block_tokens][head_dim], so one head's keys of a block are
/// contiguous. capacity < context: a ring that only holds the last `capacity` positions (sliding layers).
inline constexpr int kv_block_tokens = 64;
struct KvView {
  uint16_t* const* k_blocks = nullptr;
  uint16_t* const* v_blocks = nullptr;
  int64_t capacity = 0;
};

/// Writes k and v ([kv_heads, head_dim] floats, rounded to BF16) of position p.
void kv_store(const KvView& view, int64_t position, int kv_heads, int head_dim, const float* k, const float* v);

/// For each token t of a ragged batch and each query head h with key head g = h / (heads / kv_heads):
///   z_j = scale q·k_j over positions j ≤ p = positions[t], and j > p - window if window > 0; m = max(sink_h, max z_j)
///   y = Σ exp(z_j - m) v_j / (exp(sink_h - m) + Σ exp(z_j - m))
/// FP32 throughout. On a CPU keys are visited in ascending order of position whatever the batch and the number of
/// threads: the rows are batch-invariant (KernelPath::batch_invariant). CUDA rows share the keys of up to
/// attention_split_tokens tokens out to many blocks, so that the order depends on how many tokens share the call; the
/// same call gives the same bits.
struct AttentionArgs {
  const float* q = nullptr;  // [tokens, heads * head_dim], rows q_stride floats apart; after rope
  int64_t q_stride = 0;
  float* y = nullptr;            // [tokens, heads * head_dim] contiguous
  const float* k = nullptr;      // [tokens, kv_heads * head_dim], rows q_stride floats apart; after rope. Stored in the
                                 // cache before anything
  const float* v = nullptr;      // else, so that tokens of the batch see each other; null: they are there already
  const float* sinks = nullptr;  // [heads]
  const int32_t* positions = nullptr;  // [tokens]
  const KvView* const* kv = nullptr;   // [tokens]: the cache of the sequence that token t belongs to
  int tokens = 0, heads = 0, kv_heads = 0, head_dim = 0;
  int window = 0;  // 0: all earlier positions
  float scale = 0;
  void* scratch = nullptr;  // KernelPath::scratch of the row, 64-byte aligned
  ThreadPool* threads = nullptr;
  Stream* stream = nullptr;  // cuda paths: every pointer lies in device memory, the KvViews and their block tables too;
                             // blocks start on 16 bytes
};

/// Up to so many tokens are a decode: a cuda path splits the keys of each over so many blocks, or the card would stand
/// idle.
inline constexpr int64_t attention_split_tokens = 16;
inline constexpr int attention_splits = 32;

struct SiteCall;  // kernels/scratch.h
/// Looks at the heads and at `tokens`.
SiteCall call_of(const AttentionArgs& args);

}  // namespace mxpath
