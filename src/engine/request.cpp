#include "engine/request.h"

#include <algorithm>

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {
namespace {

Status check_lengths(const Request& request, int context) {
  const auto prompt = std::ssize(request.prompt);
  if (prompt == 0) return fail("the prompt is empty; give at least one token");
  if (prompt < context) return {};
  return fail("the prompt has {}, but the context holds {}{}; choose a larger {}, or a shorter prompt",
              plural(prompt, "token"), context, prompt <= context ? ", which leaves no room for an answer" : "",
              mention(Knob::context));
}

Status check_pages(const Request& request, const Executor& executor, int reserve) {
  const int64_t length = reserved_length(request, executor.context(), reserve);
  const int64_t needed = executor.pages_for(length), all = executor.pages();
  if (needed <= all) return {};
  return fail(
      "a prompt of {} with an answer of up to {} needs {} of keys and values, but there is room for {}; ask for a "
      "shorter answer, give a shorter prompt, or allow more memory with {}",
      plural(request.prompt.size(), "token"), length - std::ssize(request.prompt), plural(needed, "page"), all,
      mention(Knob::kv_memory));
}

}  // namespace

int64_t reserved_length(const Request& request, int context, int reserve) {
  const int64_t answer = request.max_new_tokens > 0 ? request.max_new_tokens : reserve;
  return std::min<int64_t>(context, std::ssize(request.prompt) + answer);
}

Status check_request(const Request& request, const Executor& executor, int reserve) {
  MXPATH_CHECK(check_sampling(request.sampling));
  if (request.max_new_tokens < 0) return wrong_use("{} new tokens: must be 0 or more", request.max_new_tokens);
  if (request.choices < 1 || request.choices > most_choices)
    return wrong_use("{} answers: must be between 1 and {}", request.choices, most_choices);
  if (const int top = request.top.value_or(0); top < 0 || top > most_top)
    return wrong_use("the {} most likely tokens: must be between 0 and {}", top, most_top);
  MXPATH_CHECK(check_lengths(request, executor.context()));
  const auto negative = std::ranges::find_if(request.prompt, [](int32_t token) { return token < 0; });
  if (negative != request.prompt.end())
    return fail("token {} of the prompt is {}, which is none of the model's", negative - request.prompt.begin(),
                *negative);
  return check_pages(request, executor, reserve);
}

}  // namespace mxpath
