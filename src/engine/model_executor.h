// Steps of many sequences on a loaded model.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/executor.h"
#include "engine/sampler.h"
#include "engine/step_runner.h"
#include "kv/prefix_cache.h"
#include "kv/prefix_file.h"
#include "model/not_finite.h"
#include "plan/expectation.h"

namespace mxpath {

/// The model and the threads must outlive it.
class ModelExecutor final : public Executor {
 public:
  /// Error: not enough memory, or a device that does not answer.
  static Result<std::unique_ptr<ModelExecutor>> create(const Model& model, ThreadPool& threads);

  int most_sequences() const override { return static_cast<int>(sequences_.size()); }
  int context() const override { return runner_.model().plan.context; }
  int most_tokens() const override { return runner_.model().plan.chunk; }

  Result<Opened> open(std::span<const int32_t> text, uint64_t salt) override;
  /// One that holds nothing, whatever is cached.
  Result<int> open_empty();
  Result<int> fork(int sequence) override;
  void keep(int sequence, std::span<const int32_t> text, uint64_t salt) override;
  void close(int sequence) override;

  bool has_room(std::span<const StepPart> parts) override;
  int64_t pages_for(int64_t tokens) const override;
  int64_t pages_free() const override;
  int64_t pages() const override;
  double predicted_seconds(int decoding, int reading) const override;

  /// Error: no pages are left for it; a GPU that has failed.
  Status step(std::span<const StepPart> parts) override;
  Result<std::vector<Sampled>> sample(std::span<const SampleChoice> choices) override;
  Error not_finite(std::span<const int32_t> text) override;

  const Model& model() const { return runner_.model(); }
  /// The logits [V] of the i-th part that wanted them in the last step; valid until the next call.
  Result<std::span<const float>> logits(size_t i) { return runner_.logits(runner_.row_of(i)); }
  /// Where in the last step the tokens of its i-th part begin.
  int start_of(size_t i) const { return runner_.start_of(i); }
  /// Logits [count, V] of tokens of the last step, in which no part wanted any; count ≤ logit_rows_of(plan).
  Result<std::span<const float>> logits_of_tokens(int first, int count) {
    return runner_.logits_of_tokens(first, count);
  }
  /// Until all that was enqueued is done. Error: a GPU has failed.
  Status wait() { return runner_.state().wait(); }
  ThreadPool& threads() { return *runner_.state().threads; }
  void set_trace(Trace* trace) { runner_.state().trace = trace; }
  /// Writes the prefix cache into a file (kv/prefix_file.h; its key: engine/prefix_key.h).
  Status save_prefixes(const std::string& path, const PrefixFileKey& key);
  /// Fills the prefix cache, which is still empty, from a file; how many tokens. Errors: those of read_prefixes.
  Result<int64_t> load_prefixes(const std::string& path, const PrefixFileKey& key);
  KvCache& cache() { return runner_.cache(); }
  PrefixCache& prefixes() { return *prefixes_; }

 private:
  explicit ModelExecutor(StepRunner runner) : runner_(std::move(runner)), prices_(runner_.model().plan) {}
  Result<int> free_slot() const;
  SequenceSlot& at(int sequence) { return *sequences_[static_cast<size_t>(sequence)]; }
  /// Where a forward first has a number that is none; not whole: no pages were left to look at the rest.
  struct Search {
    bool whole = false;
    std::optional<NotFinite> found = {};
  };
  Result<Search> search(SequenceSlot& spare, std::span<const int32_t> text);
  PageBytes page_bytes();
  Status take_pages(std::span<const StepPart> parts, std::vector<PageCopy>& copies);

  StepRunner runner_;
  StepPrices prices_;
  Sampler sampler_;
  std::unique_ptr<PrefixCache> prefixes_;
  std::vector<std::optional<SequenceSlot>> sequences_;  // [slots]
};

}  // namespace mxpath
