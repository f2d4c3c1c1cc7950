// Whether a prompt fits and when its answer would begin, before it is asked. Pure.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "base/json.h"

namespace mxpath::server {

/// What a server has to do, and a prompt that would join it.
struct Occupancy {
  int context = 0;
  int64_t prompt_tokens = 0, cached_tokens = 0;
  int64_t pages_needed = 0, pages_free = 0, pages = 0;
  int running = 0, queued = 0, most_queued = 0;
  int most_sequences = 0, chunk = 0;  ///< chunk: tokens that one step reads at most
  /// Predicted seconds of a step that reads so many tokens beside so many answers.
  std::function<double(int decoding, int reading)> step_seconds = {};
};

/// Seconds until what waits has had its places and a place is free; 0: one is. Answers that run are taken to need 256
/// more tokens each.
double waiting_seconds(const Occupancy& load);

/// {"fits", "prompt_tokens", "cached_tokens", "pages_needed", "pages_free", "queue_position", "expected_wait_s",
/// "expected_ttft_s", "expected_tok_s", "why"}
Json capacity_of(const Occupancy& load);

}  // namespace mxpath::server
