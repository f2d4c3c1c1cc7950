// Attention with sinks and a sliding window over a key/value cache that sequences own.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "device/device.h"
#include "kernels/attention/kv_pages.h"

namespace mxpath {

/// For each token t of a ragged batch and each query head h with key head g = h / (heads / kv_heads):
///   z_j = scale q·k_j over positions j ≤ p = positions[t], and j > p - window if window > 0; m = max(sink_h, max z_j)
///   y = Σ exp(z_j - m) v_j / (exp(sink_h - m) + Σ exp(z_j - m))
/// FP32 throughout. On a CPU keys are visited in ascending order of position whatever the batch and the number of
/// threads: the rows are batch-invariant (KernelPath::batch_invariant). CUDA rows share the keys of a
/// few tokens out to many blocks, so that the order depends on how many tokens share the call; the same call gives the
/// same bits.
struct AttentionArgs {
  const float* q = nullptr;  // [tokens, heads * head_dim], rows q_stride floats apart; after rope
  int64_t q_stride = 0;
  float* y = nullptr;            // [tokens, heads * head_dim] contiguous
  const float* k = nullptr;      // [tokens, kv_heads * head_dim], rows q_stride floats apart; after rope. Stored in the
                                 // cache before anything
  const float* v = nullptr;      // else, so that tokens of the batch see each other; null: they are there already
  const float* sinks = nullptr;  // [heads]
  const int32_t* positions = nullptr;  // [tokens]
  const int32_t* slots = nullptr;      // [tokens]: the slot of the sequence that token t belongs to
  KvPages kv = {};                     // of the layer
  int tokens = 0, heads = 0, kv_heads = 0, head_dim = 0;
  int singles = 0;  // so many tokens at the front are the only ones of their sequences: a decode beside a prompt
  int window = 0;   // 0: all earlier positions
  float scale = 0;
  void* scratch = nullptr;  // KernelPath::scratch of the row, 64-byte aligned
  ThreadPool* threads = nullptr;
  Stream* stream = nullptr;  // cuda paths: every pointer lies in device memory; the pool starts on 16 bytes
};

/// A cuda path splits the keys of a decoding token over so many blocks, or the card would stand idle: fewer where more
/// tokens share the call, so that all of them together are at most attention_splits * attention_split_tokens parts.
inline constexpr int64_t attention_split_tokens = 16;
inline constexpr int attention_splits = 32;

struct SiteCall;  // kernels/scratch.h
/// Looks at the heads and at `tokens`.
SiteCall call_of(const AttentionArgs& args);

}  // namespace mxpath
