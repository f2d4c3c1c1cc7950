// A forward over tokens of many sequences: the activations, the pages that the kernels see, and recorded decode steps.
#pragma once
#include <map>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/executor.h"
#include "kv/kv_cache.h"
#include "model/model.h"

namespace mxpath {

/// What a sequence has of the caches: its slot in the page tables, and its pages.
struct SequenceSlot {
  int slot = 0;
  SequencePages pages;
};

/// The model must outlive it. Not for two threads at once.
class StepRunner {
 public:
  static Result<StepRunner> create(const Model& model, ThreadPool& threads);

  KvCache& cache() { return cache_; }
  const KvCache& cache() const { return cache_; }
  State& state() { return state_; }
  /// Those of the devices, on which all of a step is enqueued.
  KvCache::Streams streams();
  const Model& model() const { return *model_; }

  /// A part of a step, whose pages are there already: the last tokens of the sequence's length.
  struct Part {
    SequenceSlot* sequence;
    std::span<const int32_t> tokens;
    bool wants_logits;
  };
  /// Reads the parts, after `copies` of pages. The logits of the parts that want them are computed, where the head
  /// lies; row_of() says which row belongs to which.
  Status run(std::span<const Part> parts, std::span<const PageCopy> copies);
  /// The row of the logits of the i-th part that wanted them.
  int row_of(size_t i) const { return rows_[i]; }
  int rows() const { return static_cast<int>(rows_.size()); }
  /// The logits [V] of a row in the computer's memory; valid until the next call. Error: the GPU has failed.
  Result<std::span<const float>> logits(int row);
  /// Which token of the last step the first of its i-th part was: parts of one token stand before the others.
  int start_of(size_t i) const { return starts_[i]; }
  /// Logits of the tokens first … first + count - 1 of a step in which no part wanted any, count ≤ logit_rows_of(plan).
  Result<std::span<const float>> logits_of_tokens(int first, int count);
  /// The batch as the model takes it.
  Result<Batch> batch_of(std::span<const Part> parts, std::span<const PageCopy> copies);

 private:
  Status run_recorded(int rows);

  const Model* model_ = nullptr;
  State state_;
  KvCache cache_;
  std::vector<int32_t> tokens_, positions_, slots_;
  std::vector<int32_t> last_;  // the tokens whose logits are wanted, ascending
  std::vector<int> rows_, starts_;
  /// One token of each of so many sequences through all layers and the head.
  struct Recorded {
    CudaGraph graph;
    Trace rows;  // of the catalogue, that run in it
    int eager = 0;
  };
  std::map<int, Recorded> recorded_;
};

}  // namespace mxpath
