// What the tests of sampling share: rows with all that they point to, and what a call gives them.
#pragma once
#include <vector>

#include "kernels/sample/sample.h"
#include "kernels/test_rows.h"

namespace mxpath {

struct SampledRow {
  std::vector<int32_t> token, top_token;
  std::vector<float> logprob, top_logprob;
};

struct SampleBatch {
  int vocab, largest_token, top = 0;
  std::vector<float> logits;  // [rows, vocab]
  std::vector<SampleRow> rows;
  std::vector<SeenToken> seen;
  std::vector<uint32_t> masks;
  ThreadPool* threads = nullptr;

  explicit SampleBatch(int vocab_) : vocab(vocab_), largest_token(vocab_ - 1) {}
  int64_t mask_stride() const { return (vocab + 31) / 32 + 1; }  // a word that is nobody's between two masks

  void add(const std::vector<float>& row_logits, const SampleRow& row) {
    logits.insert(logits.end(), row_logits.begin(), row_logits.end());
    rows.push_back(row);
  }
  /// The mask that allows these ids.
  int add_mask(const std::vector<int32_t>& ids) {
    const size_t first = masks.size();
    masks.resize(first + static_cast<size_t>(mask_stride()));
    for (int32_t id : ids) masks[first + static_cast<size_t>(id) / 32] |= 1u << id % 32;
    return static_cast<int>(first / static_cast<size_t>(mask_stride()));
  }
  /// Some rows alone, with the same masks and tokens seen.
  SampleBatch part(size_t first, size_t count) const {
    SampleBatch out = *this;
    const auto begin = logits.begin() + static_cast<int64_t>(first) * vocab;
    out.logits.assign(begin, begin + static_cast<int64_t>(count) * vocab);
    out.rows.assign(rows.begin() + static_cast<int64_t>(first), rows.begin() + static_cast<int64_t>(first + count));
    return out;
  }

  SampledRow run(const KernelPath& path) const {
    // Rows of another length than the vocabulary, each at another distance from 16 bytes.
    const int64_t stride = vocab + 3;
    std::vector<float> apart(rows.size() * static_cast<size_t>(stride), poison);
    for (size_t r = 0; r < rows.size(); ++r)
      std::copy_n(logits.begin() + static_cast<int64_t>(r) * vocab, vocab,
                  apart.begin() + static_cast<int64_t>(r) * stride);
    const size_t tops = rows.size() * static_cast<size_t>(top);
    SampledRow out{std::vector<int32_t>(rows.size(), -7), std::vector<int32_t>(tops, -7),
                std::vector<float>(rows.size(), poison), std::vector<float>(tops, poison)};
    SampleArgs args{.logits = apart.data(),
                    .logits_stride = stride,
                    .rows = static_cast<int>(rows.size()),
                    .vocab = vocab,
                    .largest_token = largest_token,
                    .row = rows.data(),
                    .seen = seen.empty() ? nullptr : seen.data(),
                    .masks = masks.empty() ? nullptr : masks.data(),
                    .mask_stride = mask_stride(),
                    .top = top,
                    .token = out.token.data(),
                    .logprob = out.logprob.data(),
                    .top_token = top > 0 ? out.top_token.data() : nullptr,
                    .top_logprob = top > 0 ? out.top_logprob.data() : nullptr,
                    .threads = threads};
    auto scratch = Buffer::allocate(scratch_bytes(path, args, threads ? threads->size() : 1));
    if (!scratch.ok()) return out;
    std::memset(scratch->data(), 0xff, scratch->size());
    args.scratch = scratch->data();
    run_row(path, args);
    return out;
  }
};

}  // namespace mxpath
