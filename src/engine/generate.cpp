#include "engine/generate.h"

#include <algorithm>

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {

std::string_view name_of(EndReason reason) {
  switch (reason) {
    case EndReason::stop_token: return "stop";
    case EndReason::length: return "length";
    case EndReason::context: return "context";
    case EndReason::cancelled: return "cancelled";
    case EndReason::error: return "error";
  }
  return "";
}

Status check_prompt(std::span<const int32_t> tokens, int context, const ModelConfig& config, int answer) {
  if (tokens.empty()) return fail("the prompt is empty; give at least one token");
  const size_t needed = tokens.size() + static_cast<size_t>(answer);
  const auto most = static_cast<size_t>(config.max_positions);
  if (needed > static_cast<size_t>(context)) {
    const size_t enough = std::min(most, tokens.size() + (answer > 0 ? usual_answer : 0));
    return fail("the prompt has {}, but the context holds {}{}; {}", plural(tokens.size(), "token"), context,
                answer > 0 ? ", which leaves no room for an answer" : "",
                needed > most ? fmt::format("the model reads at most {}, so give a shorter prompt", most)
                              : fmt::format("choose {} or more (the model allows {}), or a shorter prompt",
                                            mention(Knob::context, enough), most));
  }
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= config.vocab)
      return fail("token {} of the prompt is {}, outside the model's vocabulary of {}", i, tokens[i], config.vocab);
  return {};
}

}  // namespace mxpath
