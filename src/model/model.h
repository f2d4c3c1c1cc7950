// A gpt-oss model ready to run: its plan, its weights, its tables.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "checkpoint/config.h"
#include "kernels/attention/attention.h"
#include "kernels/rope/rope.h"
#include "model/weights.h"
#include "plan/plan.h"

namespace mxpath {

/// Immutable once loaded; any number of states may run on it.
struct Model {
  ModelConfig config;
  Plan plan;
  Weights weights;
  RopeTable rope;
};

/// Token ids with their positions and the sequence each belongs to. One conversation is a batch of one sequence; prefill and decode differ
/// only in how many tokens a batch has.
struct Batch {
  std::span<const int32_t> tokens;                          // [n] ids, each < config.vocab
  std::span<const int32_t> positions;                       // [n]; ascending within a sequence
  std::span<const int32_t> slots;                           // [n] index into sequences
  std::span<const std::span<const KvView>> sequences;       // [slot][layer]: caches that the caller owns
};

/// Which row ran, in order; tests read it.
using Trace = std::vector<const KernelPath*>;

/// The activations of one forward. H hidden, I intermediate, k experts a token, V vocabulary.
struct State {
  /// For batches of up to `tokens` tokens.
  static Result<State> create(const ModelConfig& config, const Plan& plan, int tokens);

  int capacity = 0;              // tokens
  Buffer memory;
  float* x = nullptr;            // [tokens, H] residual stream
  float* t = nullptr;            // [tokens, H] normed input of the next operation; after forward(): the normed output of the last layer
  float* qkv = nullptr;          // [tokens, (nh + 2 nkv) * head_dim]
  float* attended = nullptr;     // [tokens, nh * head_dim]
  float* router_logits = nullptr;// [tokens, E]
  float* u = nullptr;            // [tokens * k, 2I] gate and up
  float* h = nullptr;            // [tokens * k, I]
  float* expert_weight = nullptr;// [tokens * k]
  int32_t* expert = nullptr;     // [tokens * k]
  int32_t* order = nullptr;      // [tokens * k] rows sorted by expert
  float* logits = nullptr;       // [V] of one token
  std::vector<int32_t> first;    // [E + 1]
  std::vector<const KvView*> kv; // [tokens] cache of the current layer
  Buffer scratch;                // of the kernels
  ThreadPool* threads = nullptr;
  Trace* trace = nullptr;        // null: not recorded
};

/// Runs all layers; state.t holds the normed hidden states [n, H] afterwards. n ≤ state.capacity.
void forward(const Model& model, State& state, const Batch& batch);
/// Logits [count, V] of the tokens first … first + count - 1 of the last forward.
void head(const Model& model, State& state, int first, int count, float* logits);

}  // namespace mxpath
