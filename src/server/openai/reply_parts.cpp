#include "server/openai/reply_parts.h"

#include <algorithm>
#include <cmath>

#include "chat/utf8.h"

namespace mxpath::openai {
namespace {

constexpr double no_likelihood = -9999;

Json token_json(std::string_view bytes, float logprob) {
  Json list = Json::array();
  for (const char byte : bytes) list.push_back(static_cast<unsigned char>(byte));
  return {{"token", to_valid_utf8(bytes)}, {"logprob", likelihood(logprob)}, {"bytes", std::move(list)}};
}

double per(double amount, double of) { return of > 0 ? amount / of : 0; }

}  // namespace

std::string one_line(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string json_text(std::string_view text) { return one_line(Json(text)); }

std::string event_of(std::string_view json) { return fmt::format("data: {}\n\n", json); }

std::string error_event(const ApiError& error) { return event_of(one_line(error_json(error))); }

Json usage_json(const ReplyEnd& end) {
  return {{"prompt_tokens", end.prompt_tokens},
          {"completion_tokens", end.new_tokens},
          {"total_tokens", end.prompt_tokens + end.new_tokens},
          {"prompt_tokens_details", {{"cached_tokens", end.cached_tokens}, {"cache_write_tokens", end.written_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", end.reasoning_tokens}}}};
}

Json timings_json(const ReplyEnd& end) {
  const int read = std::max(end.prompt_tokens - end.cached_tokens, 0);
  const double prompt_ms = end.prompt_seconds * 1000, answer_ms = end.answer_seconds * 1000;
  return {{"cache_n", end.cached_tokens},
          {"prompt_n", read},
          {"prompt_ms", prompt_ms},
          {"prompt_per_token_ms", per(prompt_ms, read)},
          {"prompt_per_second", per(read, end.prompt_seconds)},
          {"predicted_n", end.new_tokens},
          {"predicted_ms", answer_ms},
          {"predicted_per_token_ms", per(answer_ms, end.new_tokens)},
          {"predicted_per_second", per(end.new_tokens, end.answer_seconds)}};
}

Json report_json(const Json& report, std::span<const std::string> warnings) {
  Json out = report;
  if (out.is_object() && !out.contains("warnings") && !warnings.empty())
    out["warnings"] = std::vector<std::string>(warnings.begin(), warnings.end());
  return out;
}

Json reply_head(const ReplyFacts& facts, std::string_view kind, std::string_view object) {
  return {{"id", std::string(kind) + facts.id_suffix},
          {"object", object},
          {"created", facts.created},
          {"model", facts.model},
          {"system_fingerprint", facts.fingerprint.empty() ? Json() : Json(facts.fingerprint)}};
}

void add_figures(Json& reply, const ReplyEnd& end, std::span<const std::string> warnings, bool usage) {
  if (usage) reply["usage"] = usage_json(end);
  reply["timings"] = timings_json(end);
  if (!end.report.is_null()) reply["mxpath"] = report_json(end.report, warnings);
}

double likelihood(float logprob) { return std::isfinite(logprob) ? static_cast<double>(logprob) : no_likelihood; }

Json logprob_json(const TextLogprob& token, int top) {
  Json out = token_json(token.bytes, token.logprob);
  Json& list = out["top_logprobs"] = Json::array();
  for (const auto& [bytes, logprob] : token.top)
    if (std::ssize(list) < top) list.push_back(token_json(bytes, logprob));
  return out;
}

std::string_view name_of(Finish finish) {
  switch (finish) {
    case Finish::length: return "length";
    case Finish::tool_calls: return "tool_calls";
    default: return "stop";
  }
}

}  // namespace mxpath::openai
