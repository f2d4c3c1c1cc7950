// One line of a batch: a question in JSON.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/conversation.h"
#include "app/model_files.h"
#include "base/json.h"

namespace mxpath {

/// What holds for every line that does not say otherwise.
struct BatchDefaults {
  ConversationOptions conversation;
  SamplingOptions sampling;
  int max_new_tokens = 0;                             ///< 0: as many as the context holds
  std::vector<std::string> stop = {};                 ///< texts before which an answer ends
  bool seed_is_drawn = false, date_is_today = false;  ///< not the user's own, so another run has others
};

struct BatchQuestion {
  std::vector<Token> tokens;
  bool harmony = true;  ///< false: "tokens", continued as they are
  SamplingOptions sampling;
  int max_new_tokens = 0;
  std::vector<std::string> stop;  ///< texts before which the answer ends
};

/// The "id" of a line, whatever else is wrong with it; null where it has none.
Json id_of_line(std::string_view line);

/// {"prompt": text} or {"messages": [{"role", "content", …}]} or {"tokens": [1, 2]}, and any of "id", "max_new_tokens",
/// "temperature", "top_p", "top_k", "min_p", "seed", "reasoning_effort" and "stop" (a text, or up to most_stops). A
/// line without a seed gets one from that of the defaults and its index, so that equal lines may differ. Messages of
/// the roles system and developer are instructions; an assistant's are on channel final where they name none. Errors:
/// not a JSON object, an unknown field or one of the wrong type, a value out of range; each begins with `where`.
Result<BatchQuestion> parse_batch_line(std::string_view line, std::string_view where, uint64_t index,
                                       const ModelFiles& files, const BatchDefaults& defaults);

}  // namespace mxpath
