// Parts of replies that several writers share.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "server/openai/reply_writer.h"

namespace mxpath::openai {

/// A JSON string with its quotes; what is no UTF-8 becomes U+FFFD.
std::string json_text(std::string_view text);
/// JSON on one line; what is no UTF-8 becomes U+FFFD.
std::string one_line(const Json& value);
/// "data: …\n\n"
std::string event_of(std::string_view json);
/// The event of an error that comes after the first byte.
std::string error_event(const ApiError& error);
inline constexpr std::string_view done_event = "data: [DONE]\n\n";

/// {"prompt_tokens", "completion_tokens", "total_tokens", …_details}
Json usage_json(const ReplyEnd& end);
/// Under llama.cpp's names: prompt_n are the tokens that were read, cache_n those that the cache held.
Json timings_json(const ReplyEnd& end);
/// The report, with the warnings of the question.
Json report_json(const Json& report, std::span<const std::string> warnings);

/// {"id": kind + the suffix, "object", "created", "model", "system_fingerprint"}
Json reply_head(const ReplyFacts& facts, std::string_view kind, std::string_view object);
/// Adds "timings" to a reply, "usage" where it is wanted, and "mxpath" where there is a report.
void add_figures(Json& reply, const ReplyEnd& end, std::span<const std::string> warnings, bool usage);

/// A likelihood as JSON can hold it: -9999 for none at all, as OpenAI writes it.
double likelihood(float logprob);
/// {"token", "logprob", "bytes", "top_logprobs"}, at most `top` of the latter.
Json logprob_json(const TextLogprob& token, int top);

/// "stop", "length" or "tool_calls".
std::string_view name_of(Finish finish);

}  // namespace mxpath::openai
