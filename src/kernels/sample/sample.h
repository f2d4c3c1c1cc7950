// From logits to tokens, a row for each sequence.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "device/device.h"

namespace mxpath {

/// How one row chooses. POD: arrays of it lie in device memory as they are.
///
/// Penalties change the logits first. Then temperature 0 takes the largest of those that the mask allows, the lower id
/// on ties. Otherwise softmax(logits / temperature) of what is allowed is cut to the top_k most likely (0: all), then
/// to the fewest whose probability sums to top_p, at least one, then to those with at least min_p times the largest
/// probability. Cuts go by likelihood, the lower id first among equals. `random` picks among what is left: the first
/// id, in ascending order, at which the running sum of probabilities passes random × their sum. What is less likely
/// than 2^-45 of the largest is never picked (likelihood.h).
struct SampleRow {
  float temperature = 1, top_p = 1, min_p = 0;
  int top_k = 0;
  /// Of the tokens in `seen`: a positive logit is divided by repetition_penalty and a negative one multiplied with it
  /// (Keskar et al. 2019); then presence_penalty and frequency_penalty × count are subtracted, as the OpenAI API says.
  /// Penalised logits stay finite.
  float repetition_penalty = 1, presence_penalty = 0, frequency_penalty = 0;
  int seen_first = 0, seen_count = 0;  ///< range in SampleArgs::seen, each token in it at most once, in any order
  int mask = -1;                       ///< row of SampleArgs::masks: only ids with a set bit may be chosen; -1: all
  double random = 0;                   ///< uniform in [0, 1)
};

/// A token that the text of a row holds, and how often; ids that are not below the vocabulary count for nothing.
struct SeenToken {
  int32_t token, count;
};

/// The most likely tokens that a call may report for each row.
inline constexpr int most_top_tokens = 20;

/// What a row gives depends on its logits and its SampleRow alone, whatever rows stand beside it, and so it does on
/// both kinds of devices: they count probabilities as integers, in one order.
struct SampleArgs {
  const float* logits = nullptr;  // [rows, vocab]
  int64_t logits_stride = 0;      // floats from one row to the next; looked at where there are several
  int rows = 1, vocab = 0;
  int largest_token = 0;            // ids above it have no text and are never chosen
  const SampleRow* row = nullptr;   // [rows]
  const SeenToken* seen = nullptr;  // null where no row has seen any
  const uint32_t* masks = nullptr;  // bit id % 32 of word id / 32; null where no row has a mask
  int64_t mask_stride = 0;          // words from one mask to the next
  int top = 0;                      // most likely tokens to report for each row, 0..most_top_tokens
  void* scratch = nullptr;          // KernelPath::scratch of the row for a call of `rows` tokens, 64-byte aligned
  int32_t* token = nullptr;         // [rows] out; -1: a logit of any id is not finite; -2: the mask allows nothing
  /// [rows] out: natural log-probability of the chosen token among all of the vocabulary, before masks, penalties and
  /// temperature; minus infinity where no token was chosen. Null: not wanted.
  float* logprob = nullptr;
  /// [rows, top] out: the most likely ids up to largest_token and their log-probabilities of the same kind, best first,
  /// the lower id first among equals; -1 and minus infinity where there are no more, or logits are not finite.
  int32_t* top_token = nullptr;
  float* top_logprob = nullptr;
  ThreadPool* threads = nullptr;  // CPU paths; null: the calling thread alone
  Stream* stream = nullptr;       // cuda paths: every pointer lies in device memory; a call may be recorded in a graph
};

struct SiteCall;  // kernels/scratch.h
/// Looks at `vocab` and `rows`.
SiteCall call_of(const SampleArgs& args);

}  // namespace mxpath
