// A gpt-oss model ready to run: its plan, its weights, its tables.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "checkpoint/config.h"
#include "device/device.h"
#include "kernels/attention/attention.h"
#include "kernels/call_row.h"
#include "kernels/rope/rope.h"
#include "model/weights.h"
#include "plan/plan.h"
#include "plan/workspace.h"

namespace mxpath {

/// Immutable once loaded; any number of states may run on it.
struct Model {
  ModelConfig config;
  Plan plan;
  Weights weights;
  RopeTable rope;
  std::map<DeviceId, Memory> rope_copies;  // [head_dim / 2] double on each GPU with layers

  const double* rope_on(DeviceId device) const {
    const auto copy = rope_copies.find(device);
    return copy == rope_copies.end() ? rope.inverse_frequency.data() : copy->second.as<double>();
  }
};

/// Token ids with their positions and the sequence each belongs to. One conversation is a batch of one sequence;
/// prefill and decode differ only in how many tokens a batch has.
struct Batch {
  std::span<const int32_t> tokens;     // [n] ids, each < config.vocab
  std::span<const int32_t> positions;  // [n]; ascending within a sequence
  std::span<const int32_t> slots;      // [n] of their sequences in the page tables
  std::span<const KvPages> kv;         // [layers] where each layer's attention runs; the caller owns them
  int sequences = 1;
  int singles = 0;  // so many tokens at the front are the only ones of their sequences
};

/// The activations of one forward in the memory of one device. H hidden, I intermediate, k experts per token, V
/// vocabulary.
struct Activations {
  float* x = nullptr;  // [tokens, H] residual stream
  float* t =
      nullptr;  // [tokens, H] normed input of the next operation; after forward(): the normed output of the last layer
  float* qkv = nullptr;            // [tokens, (nh + 2 nkv) * head_dim]
  float* attended = nullptr;       // [tokens, nh * head_dim]
  float* router_logits = nullptr;  // [tokens, E]
  float* u = nullptr;              // [tokens * k, 2I] gate and up
  float* h = nullptr;              // [tokens * k, I]
  float* expert_weight = nullptr;  // [tokens * k]
  int32_t* expert = nullptr;       // [tokens * k]
  int32_t* order = nullptr;        // [tokens * k] rows sorted by expert
  int32_t* first = nullptr;        // [E + 1] where each expert's rows begin in order
  float* logits = nullptr;         // [logit_rows_of(plan), V]
  void* scratch = nullptr;         // of the kernels
  Stream* stream = nullptr;        // of the device; its work is done in this order
  float* rows = nullptr;           // [logit_rows, H] rows of t that the head reads together
  // The batch: copies, one behind another.
  int32_t* batch = nullptr;
  const int32_t *tokens = nullptr, *positions = nullptr, *slots = nullptr;
};

/// What one layer runs, each on the device where the plan put it: two blocks, and what they are made of.
struct LayerSites {
  const SitePlan *attention_block, *attention_norm, *qkv, *rope, *attention, *output;
  const SitePlan *experts_block, *mlp_norm, *router, *gate_up, *swiglu, *down;
};

/// The sites of a plan as a forward meets them, looked up once; they point into the plan.
struct ModelSites {
  const SitePlan *embed = nullptr, *final_norm = nullptr, *head = nullptr;
  std::vector<LayerSites> layers;
};
ModelSites look_up(const Plan& plan);

/// What a forward has on one device.
struct Room {
  DeviceId device;
  Activations activations = {};
  Memory memory = {};
  Stream stream = {};
};

/// What a forward works in: a room on each device that the plan uses, the CPU's always.
struct State {
  /// Makes room for batches of up to the plan's chunk, in the workspace of each device (plan/workspace.h); the plan
  /// must outlive it. Errors: not enough memory, or a device that does not answer.
  static Result<State> create(const ModelConfig& config, const Plan& plan);

  /// The activations on a device, which the plan must use.
  Activations& on(DeviceId device) { return room(device).activations; }
  Room& room(DeviceId device);
  /// The first error of a GPU, if there is one.
  Status status() const;
  /// Until all that was enqueued is done. Error: a GPU has failed.
  Status wait();

  int capacity = 0, staged = 0;    // tokens: the most, and those of the last batch
  int sequences = 1, singles = 0;  // of the last batch
  Call call() const { return {.tokens = staged, .sequences = sequences}; }
  ModelSites sites;
  std::vector<Room> rooms;  // the CPU's, then those of the plan's GPUs; none is added later, streams are pointed to
  DeviceId where;           // which of them holds x
  std::vector<KvPages> kv;  // [layers] of the last batch
  ThreadPool* threads = nullptr;
  Trace* trace = nullptr;  // null: not recorded
};

/// Makes a batch known: sets what Activations says of it, on every device. n ≤ state.capacity.
void stage(const Model& model, State& state, const Batch& batch);
/// Runs all layers on the batch that was staged; t holds the normed hidden states [n, H] afterwards, where the head
/// lies. Everything on GPUs is only enqueued: with all layers on one, a graph can record it.
void run_layers(const Model& model, State& state);
/// stage() and run_layers().
void forward(const Model& model, State& state, const Batch& batch);
/// Logits of the tokens first … first + count - 1 of the last forward, count ≤ logit_rows_of(plan); they stay where the
/// head lies.
void head(const Model& model, State& state, int first, int count);
/// Logits of some tokens of the last forward, at most logit_rows_of(plan).
void head(const Model& model, State& state, std::span<const int32_t> tokens);
/// The logits [count, V] of the last head() in the computer's memory. Error: the GPU has failed.
Result<const float*> read_logits(const Model& model, State& state, int count);

}  // namespace mxpath
