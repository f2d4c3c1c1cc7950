#include "server/capacity.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace mxpath::server {
namespace {

constexpr double usual_answer = 256;  // tokens

/// Seconds to read what the cache does not hold, beside the answers that run.
double reading_seconds(const Occupancy& load) {
  int64_t left = load.prompt_tokens - load.cached_tokens;
  double seconds = 0;
  const int chunk = std::max(load.chunk, 1);
  if (const int64_t whole = left / chunk; whole > 0) {
    seconds += static_cast<double>(whole) * load.step_seconds(load.running, chunk);
    left -= whole * chunk;
  }
  return left > 0 ? seconds + load.step_seconds(load.running, static_cast<int>(left)) : seconds;
}

bool must_wait(const Occupancy& load) {
  return load.queued > 0 || load.running >= load.most_sequences || load.pages_needed > load.pages_free;
}

std::string why_not(const Occupancy& load) {
  if (load.prompt_tokens + 1 > load.context)
    return fmt::format("the prompt has {} tokens, and the context holds {} with the answer", load.prompt_tokens,
                       load.context);
  if (load.pages_needed > load.pages)
    return fmt::format("it needs {} of keys and values, and there are {}", plural(load.pages_needed, "page"),
                       load.pages);
  if (load.queued >= load.most_queued)
    return fmt::format("{} wait already, which is the most", plural(load.queued, "request"));
  return "";
}

std::string why_later(const Occupancy& load) {
  if (load.queued > 0)
    return fmt::format("{} before it", load.queued == 1 ? "1 request is" : fmt::format("{} requests are", load.queued));
  if (load.running >= load.most_sequences)
    return fmt::format("all {} answer others", plural(load.most_sequences, "place"));
  if (load.pages_needed > load.pages_free)
    return fmt::format("it needs {}, and {} are free now", plural(load.pages_needed, "page"), load.pages_free);
  return "a place is free";
}

}  // namespace

double waiting_seconds(const Occupancy& load) {
  if (!must_wait(load)) return 0;
  const int rows = std::max(load.running, 1);
  const double step = load.step_seconds(rows, 0);
  return usual_answer * step * (load.queued + 1) / rows;
}

Json capacity_of(const Occupancy& load) {
  const std::string no = why_not(load);
  Json out = {{"fits", no.empty()},
              {"prompt_tokens", load.prompt_tokens},
              {"cached_tokens", load.cached_tokens},
              {"pages_needed", load.pages_needed},
              {"pages_free", load.pages_free}};
  out["queue_position"] = must_wait(load) ? load.queued : 0;
  const double wait = waiting_seconds(load);
  out["expected_wait_s"] = wait;
  out["expected_ttft_s"] = wait + reading_seconds(load);
  const double step = load.step_seconds(std::min(load.running + 1, load.most_sequences), 0);
  out["expected_tok_s"] = step > 0 ? 1 / step : 0;
  out["why"] = no.empty() ? why_later(load) : no;
  return out;
}

}  // namespace mxpath::server
