// The self-check of sampling: rows whose answer is exact, because what may be chosen is equally likely.
#include <algorithm>
#include <utility>

#include "kernels/self_check_subject.h"

namespace mxpath {
namespace {

/// The largest logit at every edge that a search may have and at a few places besides, larger ones among the ids that
/// must not be chosen, and the lower id of equals.
void check_greedy(Subject& s, Comparison& out) {
  const int vocab = static_cast<int>(s.site.n), largest = std::max(vocab - 3, 0);
  auto logits = known_inputs(static_cast<size_t>(vocab), false, s.random);
  std::ranges::fill(logits.begin() + largest + 1, logits.end(), 9.0f);
  Buffer scratch = scratch_of(scratch_bytes(s.path, SampleArgs{.vocab = vocab}, 1));
  std::vector<int> places{0, 3, 4, 31, 32, 255, 256, 2047, 2048, largest / 2, largest - 1, largest};
  for (int i = 0; i < 4; ++i) places.push_back(static_cast<int>(s.random.integer(0, largest)));
  const SampleRow row{.temperature = 0};
  for (int wanted : places) {
    if (wanted < 0 || wanted > largest) continue;
    const float before = std::exchange(logits[static_cast<size_t>(wanted)], 2.0f),
                equal = std::exchange(logits[static_cast<size_t>(largest)], 2.0f);
    int32_t token = -1;
    call(s, out,
         SampleArgs{.logits = logits.data(),
                    .vocab = vocab,
                    .largest_token = largest,
                    .row = &row,
                    .scratch = scratch.data(),
                    .token = &token});
    out.compare(wanted, 0, static_cast<float>(token), 0, token);
    logits[static_cast<size_t>(largest)] = equal, logits[static_cast<size_t>(wanted)] = before;
  }
}

/// Four ids of one likelihood, in order, a fifth that is more likely until it is penalised, and all others without any:
/// each row has one right answer, the place of an id among the five.
struct SampledProblem {
  static constexpr int rows = 8, expected[rows] = {4, 1, 2, 3, 3, 2, 4, -2};
  int vocab, largest;
  std::vector<int32_t> ids;
  std::vector<float> logits;
  std::vector<uint32_t> masks;
  SampleRow row[rows];
  SeenToken seen[1];

  explicit SampledProblem(Subject& s) : vocab(static_cast<int>(s.site.n)), largest(vocab - 3) {
    for (int part = 0; part < 4; ++part)
      ids.push_back(static_cast<int32_t>(largest / 4 * part + s.random.integer(0, largest / 4 - 1)));
    ids.push_back(largest);
    const size_t words = (static_cast<size_t>(vocab) + 31) / 32;
    masks.assign(2 * words, 0);  // the second allows nothing that has a text
    for (int i : {0, 2, 4})
      masks[static_cast<size_t>(ids[static_cast<size_t>(i)]) / 32] |= 1u << ids[static_cast<size_t>(i)] % 32;
    masks.back() |= 1u << (vocab - 1) % 32;
    seen[0] = {ids[4], 2};
    std::vector<float> one(static_cast<size_t>(vocab), -100.0f);
    for (size_t i = 0; i < 5; ++i) one[static_cast<size_t>(ids[i])] = i < 4 ? 2.0f : 3.0f;
    std::fill(one.begin() + largest + 1, one.end(), 9.0f);
    for (int r = 0; r < rows; ++r) logits.insert(logits.end(), one.begin(), one.end());
    for (int r = 1; r < 6; ++r) row[r].seen_count = 1, row[r].frequency_penalty = 50;
    row[0].top_k = 1, row[0].random = 0.5;
    row[1].top_p = 0.5f, row[1].random = 0.75;                    // of two
    row[2].top_k = 3, row[2].random = 0.9;                        // of three
    row[3].min_p = 1, row[3].random = 0.9;                        // of four
    row[4].temperature = 0.5f, row[4].random = 1 - 0x1p-53;       // of four
    row[5].mask = 0, row[5].random = 0.6, row[5].top_p = 0.999f;  // of two
    row[6].mask = 0, row[6].temperature = 0;
    row[7].mask = 1;
  }
};

void check_sampled(Subject& s, Comparison& out) {
  if (s.site.n < 64) return;  // no vocabulary
  const SampledProblem p(s);
  std::vector<int32_t> token(p.rows, -7);
  SampleArgs args{.logits = p.logits.data(),
                  .logits_stride = p.vocab,
                  .rows = p.rows,
                  .vocab = p.vocab,
                  .largest_token = p.largest,
                  .row = p.row,
                  .seen = p.seen,
                  .masks = p.masks.data(),
                  .mask_stride = std::ssize(p.masks) / 2,
                  .token = token.data(),
                  .threads = &s.threads};
  Buffer scratch = scratch_of(scratch_bytes(s.path, args, s.threads.size()));
  args.scratch = scratch.data();
  call(s, out, args);
  for (int r = 0; r < p.rows; ++r) {
    const int place = p.expected[r];
    out.compare(place < 0 ? place : p.ids[static_cast<size_t>(place)], 0,
                static_cast<float>(token[static_cast<size_t>(r)]), r, place);
  }
}

}  // namespace

void check_sample(Subject& s, Comparison& out) {
  check_greedy(s, out);
  check_sampled(s, out);
}

}  // namespace mxpath
