#include "server/openai/responses_object.h"

#include "server/openai/reply_parts.h"
#include "server/openai/responses_names.h"

namespace mxpath::openai {

Json response_object(const ResponsesQuestion& question, const ReplyFacts& facts, std::string_view status) {
  Json out = {{"id", "resp_" + facts.id_suffix},
              {"object", "response"},
              {"created_at", facts.created},
              {"status", status},
              {"background", false},
              {"error", nullptr},
              {"incomplete_details", nullptr},
              {"model", facts.model},
              {"output", Json::array()},
              {"usage", nullptr}};
  for (const auto& [name, value] : question.question.asked.items()) out[name] = value;
  out["previous_response_id"] = question.previous.empty() ? Json() : Json(question.previous);
  out["store"] = question.store;
  out["truncation"] = "disabled";
  return out;
}

Json response_usage(const ReplyEnd& end) {
  return {{"input_tokens", end.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", end.cached_tokens}, {"cache_write_tokens", end.written_tokens}}},
          {"output_tokens", end.new_tokens},
          {"output_tokens_details", {{"reasoning_tokens", end.reasoning_tokens}}},
          {"total_tokens", end.prompt_tokens + end.new_tokens}};
}

OutputItem OutputItem::message(std::string id, std::string_view phase) {
  return {Kind::message, std::move(id), {{"role", "assistant"}, {"phase", phase}}};
}

OutputItem OutputItem::reasoning(std::string id) {
  return {Kind::reasoning, std::move(id), {{"summary", Json::array()}, {"encrypted_content", nullptr}}};
}

OutputItem OutputItem::call(std::string id, std::string call_id, std::string_view name, const Function* function) {
  Json head = {{"call_id", std::move(call_id)}, {"name", name}};
  if (function) head["name"] = own_name(*function);
  if (function && !function->space.empty()) head["namespace"] = function->space;
  return {function && function->custom ? Kind::custom_tool_call : Kind::function_call, std::move(id), std::move(head)};
}

std::string_view OutputItem::text_name() const {
  switch (kind_) {
    case Kind::reasoning: return "reasoning_text";
    case Kind::message: return "output_text";
    case Kind::function_call: return "function_call_arguments";
    case Kind::custom_tool_call: return "custom_tool_call_input";
  }
  return {};
}

void OutputItem::add(std::string_view text, const Json& logprobs) {
  text_ += text;
  for (const Json& one : logprobs) logprobs_.push_back(one);
}

Json OutputItem::begun() const {
  static constexpr std::string_view types[] = {"reasoning", "message", "function_call", "custom_tool_call"};
  Json out = {{"type", types[static_cast<size_t>(kind_)]}, {"id", id_}, {"status", "in_progress"}};
  for (const auto& [name, value] : head_.items()) out[name] = value;
  if (has_parts()) out["content"] = Json::array();
  else out[std::string(text_field())] = "";
  return out;
}

Json OutputItem::finished(std::string_view status) const {
  Json out = begun();
  out["status"] = status;
  if (has_parts()) out["content"].push_back(part());
  else out[std::string(text_field())] = text_;
  return out;
}

Json OutputItem::part() const {
  Json out = {{"type", text_name()}, {"text", text_}};
  if (kind_ == Kind::message) {
    out["annotations"] = Json::array();
    out["logprobs"] = logprobs_;
  }
  return out;
}

std::string_view id_prefix(OutputItem::Kind kind) {
  static constexpr std::string_view prefixes[] = {"rs_", "msg_", "fc_", "ctc_"};
  return prefixes[static_cast<size_t>(kind)];
}

Json logprobs_json(std::span<const TextLogprob> logprobs, int top) {
  Json out = Json::array();
  for (const TextLogprob& one : logprobs) out.push_back(logprob_json(one, top));
  return out;
}

}  // namespace mxpath::openai
