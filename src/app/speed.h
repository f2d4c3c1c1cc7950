// How fast an answer came, beside what the memory of this machine could give.
#pragma once
#include <string>

#include "base/json_fwd.h"
#include "engine/session.h"
#include "plan/plan.h"

namespace mxpath {

struct Speed {
  int prompt_tokens = 0, reused_tokens = 0, answer_tokens = 0;
  double prompt_rate = 0, answer_rate = 0;  ///< tokens per second; 0: too few to say
  double bytes_rate = 0;                    ///< bytes of weights read a second while answering
  double bandwidth = 0;                     ///< bytes/s of the machine; 0: not measured
};

/// The first token of an answer belongs to the prompt: it comes from the prompt's last position.
Speed speed_of(const Generation& generation, const Plan& plan, const Machine& machine);

/// "prompt 83 tokens, 120 tok/s | answer 41 tokens, 11.2 tok/s | 13.4 GB/s, 62% of this machine's 21.6 GB/s"
std::string to_text(const Speed& speed);
Json to_json(const Speed& speed);
/// Three digits, as many as repeat from run to run.
std::string three_digits(double value);

}  // namespace mxpath
