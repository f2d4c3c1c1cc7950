#include "app/speed.h"

#include "base/json.h"
#include "base/text.h"

namespace mxpath {
namespace {

std::string rate_text(double rate) { return rate > 0 ? fmt::format(", {} tok/s", three_digits(rate)) : ""; }

Json number_or_null(double value) { return value > 0 ? Json(value) : Json(); }

}  // namespace

std::string three_digits(double value) {
  return fmt::format("{:.{}f}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

Speed speed_of(const Generation& g, const Plan& plan, const Machine& machine) {
  Speed s;
  s.prompt_tokens = g.prompt_tokens, s.reused_tokens = g.reused_tokens,
  s.answer_tokens = static_cast<int>(g.tokens.size());
  const int read = g.prompt_tokens - g.reused_tokens, steps = s.answer_tokens - 1;
  if (read > 0 && g.prompt_seconds > 0) s.prompt_rate = read / g.prompt_seconds;
  if (steps > 0 && g.answer_seconds > 0) s.answer_rate = steps / g.answer_seconds;
  s.bytes_rate = s.answer_rate * plan.decode_bytes;
  if (!plan.device.is_gpu() && machine.cpu.bandwidth_measured) s.bandwidth = machine.cpu.bandwidth;
  return s;
}

std::string to_text(const Speed& s) {
  std::string out =
      fmt::format("prompt {}{}{}", plural(s.prompt_tokens, "token"),
                  s.reused_tokens ? fmt::format(" ({} kept)", s.reused_tokens) : "", rate_text(s.prompt_rate));
  out += fmt::format(" | answer {}{}", plural(s.answer_tokens, "token"), rate_text(s.answer_rate));
  if (s.bytes_rate > 0) out += fmt::format(" | {} GB/s", three_digits(s.bytes_rate / 1e9));
  if (s.bytes_rate > 0 && s.bandwidth > 0)
    out += fmt::format(", {:.0f}% of this machine's {} GB/s", 100 * s.bytes_rate / s.bandwidth,
                       three_digits(s.bandwidth / 1e9));
  return out;
}

Json to_json(const Speed& s) {
  return {{"prompt_tokens", s.prompt_tokens},
          {"reused_tokens", s.reused_tokens},
          {"answer_tokens", s.answer_tokens},
          {"prompt_tokens_per_second", number_or_null(s.prompt_rate)},
          {"answer_tokens_per_second", number_or_null(s.answer_rate)},
          {"gb_per_second", number_or_null(s.bytes_rate / 1e9)},
          {"bandwidth_gb_per_second", number_or_null(s.bandwidth / 1e9)},
          {"share_of_bandwidth", number_or_null(s.bandwidth > 0 ? s.bytes_rate / s.bandwidth : 0)}};
}

}  // namespace mxpath
