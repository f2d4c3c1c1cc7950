// The self-check of sampling, where the largest logit wins.
#include <algorithm>
#include <utility>

#include "kernels/self_check_subject.h"

namespace mxpath {

/// The largest logit at every edge that a search may have and at a few places besides, larger ones among the ids that
/// must not be chosen, and the lower id of equals.
void check_sample(Subject& s, Comparison& out) {
  const int vocab = static_cast<int>(s.site.n), largest = std::max(vocab - 3, 0);
  auto logits = known_inputs(static_cast<size_t>(vocab), false, s.random);
  std::ranges::fill(logits.begin() + largest + 1, logits.end(), 9.0f);
  Buffer scratch = scratch_of(scratch_bytes(s.path, SampleArgs{.vocab = vocab}, 1));
  std::vector<int> places{0, 3, 4, 31, 32, 255, 256, largest / 2, largest - 1, largest};
  for (int i = 0; i < 4; ++i) places.push_back(static_cast<int>(s.random.integer(0, largest)));
  for (int wanted : places) {
    if (wanted < 0 || wanted > largest) continue;
    const float before = std::exchange(logits[static_cast<size_t>(wanted)], 2.0f),
                equal = std::exchange(logits[static_cast<size_t>(largest)], 2.0f);
    int32_t token = -1;
    call(s, out,
         SampleArgs{.logits = logits.data(),
                    .vocab = vocab,
                    .largest_token = largest,
                    .temperature = 0,
                    .scratch = scratch.data(),
                    .token = &token});
    out.compare(wanted, 0, static_cast<float>(token), 0, token);
    logits[static_cast<size_t>(largest)] = equal, logits[static_cast<size_t>(wanted)] = before;
  }
}

}  // namespace mxpath
