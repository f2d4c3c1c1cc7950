// From logits to one token.
#pragma once
#include <cstddef>
#include <cstdint>

#include "device/device.h"

namespace mxpath {

/// temperature 0: the largest logit, lower id on ties. Otherwise softmax(logits / temperature), cut to the top_k most
/// likely (0: all), then to the fewest whose probability sums to top_p, then to those with at least min_p times the
/// largest probability; `random` picks one. Where a logit is NaN or infinite, of any id, no choice is right: the token
/// is -1.
struct SampleArgs {
  const float* logits = nullptr;  // [vocab]
  int vocab = 0;
  int largest_token = 0;  // ids above it have no text and are never chosen
  float temperature = 1, top_p = 1, min_p = 0;
  int top_k = 0;
  double random = 0;         // uniform in [0, 1)
  void* scratch = nullptr;   // KernelPath::scratch of the row, 8-byte aligned
  int32_t* token = nullptr;  // out; -1: the logits are not finite
  Stream* stream =
      nullptr;  // cuda paths: every pointer lies in device memory; they are greedy, whatever temperature says
};

/// A cuda path looks for the largest of so many parts at once, each a logit and its token.
inline constexpr int sample_cuda_parts = 256;

struct SiteCall;  // kernels/scratch.h
/// Looks at `vocab`.
SiteCall call_of(const SampleArgs& args);

}  // namespace mxpath
