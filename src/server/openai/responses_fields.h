// Fields of /v1/responses that stand for themselves.
#pragma once
#include "server/openai/field_reader.h"
#include "server/openai/question.h"

namespace mxpath::openai {

/// include and top_logprobs.
Asked<void> read_include(const FieldReader& body, Question& question);
/// reasoning: its effort, and whether it is shown.
Asked<void> read_reasoning(const FieldReader& body, Question& question, harmony::Effort& effort);
/// text: the format.
Asked<void> read_text(const FieldReader& body, Question& question);
/// Fields that change nothing here, but must be of their type.
Asked<void> check_accepted(const FieldReader& body);

/// The fields that a response repeats, or what holds without them.
Json repeated_fields(const FieldReader& body, const QuestionDefaults& defaults, harmony::Effort effort);

}  // namespace mxpath::openai
