// Fields that say how an answer is made: the same ones in Chat Completions, Completions and Responses.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "server/openai/field_reader.h"
#include "server/openai/question.h"

namespace mxpath::openai {

/// What a caller asked of the reasoning.
struct EffortAsked {
  harmony::Effort effort = harmony::Effort::medium;
  bool none = false;  ///< no reasoning at all
};
/// Reads none, minimal (low), low, medium, high, xhigh and max (high). None: the field is missing or null. What differs
/// from the word is told in `warnings`.
Asked<std::optional<EffortAsked>> effort_of(const FieldReader& fields, std::string_view name,
                                            std::vector<std::string>& warnings);

/// Chat's response_format or Responses' text.format: text, json_object, json_schema in either spelling.
Asked<ResponseFormat> response_format_of(const Json& format, const std::string& path);

/// temperature, top_p, top_k, min_p, repetition_penalty, presence_penalty, frequency_penalty and seed. What is missing
/// stays as it is.
Asked<void> read_sampling(const FieldReader& fields, Question& question);
/// stop: a text, or up to 16.
Asked<void> read_stop(const FieldReader& fields, Question& question);
/// logit_bias: -100 (never) and 0 (nothing) alone; the ids must be below `vocab`.
Asked<void> read_bias(const FieldReader& fields, int vocab, Question& question);
/// stream, and stream_options.include_usage.
Asked<void> read_streaming(const FieldReader& fields, Question& question);
/// reasoning_budget, cache_salt and priority: extensions.
Asked<void> read_extensions(const FieldReader& fields, Question& question);

/// Error: the first of these fields that is there and neither null nor false nor empty, as what cannot be done.
Asked<void> refuse_fields(const FieldReader& fields, std::span<const std::string_view> names);

}  // namespace mxpath::openai
