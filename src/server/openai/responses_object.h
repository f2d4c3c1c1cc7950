// The objects of /v1/responses: the response itself, and the items of its output.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/openai/responses.h"

namespace mxpath::openai {

/// A response without output and usage: what is known before the first token.
Json response_object(const ResponsesQuestion& question, const ReplyFacts& facts, std::string_view status);

/// {"input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens"}
Json response_usage(const ReplyEnd& end);

/// An item of the output while it is written. Its text grows; everything else stays as it began.
class OutputItem {
 public:
  enum class Kind : uint8_t { reasoning, message, function_call, custom_tool_call };

  /// phase: "commentary" or "final_answer".
  static OutputItem message(std::string id, std::string_view phase);
  static OutputItem reasoning(std::string id);
  /// `function` is what was declared under `name`, or null.
  static OutputItem call(std::string id, std::string call_id, std::string_view name, const Function* function);

  Kind kind() const { return kind_; }
  const std::string& id() const { return id_; }
  const std::string& text() const { return text_; }
  const Json& logprobs() const { return logprobs_; }
  bool has_parts() const { return kind_ == Kind::reasoning || kind_ == Kind::message; }
  /// "reasoning_text", "output_text", "function_call_arguments" or "custom_tool_call_input": as its events are named.
  std::string_view text_name() const;
  /// Of a call, the field that holds its text: "arguments" or "input".
  std::string_view text_field() const { return kind_ == Kind::function_call ? "arguments" : "input"; }

  void add(std::string_view text, const Json& logprobs);
  /// The item as it began: without text.
  Json begun() const;
  /// With its text; status: "completed" or "incomplete".
  Json finished(std::string_view status) const;
  /// The one part of its content.
  Json part() const;

 private:
  OutputItem(Kind kind, std::string id, Json head) : kind_(kind), id_(std::move(id)), head_(std::move(head)) {}
  Kind kind_;
  std::string id_, text_;
  Json head_;  // fields that stay
  Json logprobs_ = Json::array();
};

/// Prefix of the ids of such items: "rs_", "msg_", "fc_" or "ctc_".
std::string_view id_prefix(OutputItem::Kind kind);

/// [{"token", "logprob", "bytes", "top_logprobs"}], at most `top` of the latter.
Json logprobs_json(std::span<const TextLogprob> logprobs, int top);

}  // namespace mxpath::openai
