// Rows of logits become tokens, on the device where the logits lie.
#pragma once
#include <span>
#include <vector>

#include "engine/executor.h"
#include "kernels/sample/sample.h"
#include "model/model.h"

namespace mxpath {

/// What goes to the device and comes back for up to logit_rows_of(plan) rows. Not for two threads at once.
class Sampler {
 public:
  /// Error: not enough memory, or a GPU that does not answer.
  static Result<Sampler> create(const Model& model);

  /// One token for each choice; `rows`: of the logits, for each choice one of its own, all `row_count` of them. Error:
  /// a GPU has failed.
  Result<std::vector<Sampled>> sample(const Model& model, State& state, std::span<const SampleChoice> choices,
                                      std::span<const int> rows, int row_count);

 private:
  /// Arrays of a call, as they lie one after another; those that come back last.
  struct Arrays {
    SampleRow* rows = nullptr;
    SeenToken* seen = nullptr;
    uint32_t* masks = nullptr;
    int32_t *token = nullptr, *top_token = nullptr;
    float *logprob = nullptr, *top_logprob = nullptr;
  };
  struct Wanted {
    int rows = 0, top = 0, masks = 0;
    bool logprobs = false;
    int32_t largest = 0;  // token of any row
  };
  Arrays lay_out(uint8_t* memory) const;
  Wanted fill(const Model& model, std::span<const SampleChoice> choices, std::span<const int> rows, int row_count);
  Status run_on_gpu(State& state, const SitePlan& site, const Wanted& wanted, SampleArgs args);

  int most_rows_ = 0;
  int64_t most_seen_ = 0;  // of all rows together, on a GPU
  int64_t mask_words_ = 0;
  size_t results_at_ = 0, bytes_ = 0;  // of the arrays
  std::vector<uint8_t> host_;
  std::vector<SeenToken> seen_;
  std::vector<SampleRow> sent_;  // the rows that the device has
  Memory device_;
};

}  // namespace mxpath
