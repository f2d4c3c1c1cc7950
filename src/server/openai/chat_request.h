// Bodies of /v1/chat/completions and /v1/completions to questions.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/openai/question.h"

namespace mxpath::openai {

/// The reasoning that came before a call, by the id of the call, where the server still has it.
using RestoreReasoning = std::function<std::optional<std::string>(std::string_view call_id)>;

/// Errors: 400 with the path of the field: one that cannot be done, a wrong type, a value out of its range. Types are
/// strict. Fields that nobody knows are left out with a warning.
Asked<Question> parse_chat(const Json& body, const QuestionDefaults& defaults, const RestoreReasoning& restore = {});
Asked<Question> parse_completion(const Json& body, const QuestionDefaults& defaults);

/// A list of messages to those of harmony; one of the assistant gives analysis, then a commentary preamble or a final
/// message, then calls. The leading ones of system and developer are one developer message.
Asked<std::vector<harmony::Message>> harmony_of_chat(const Json& messages, const QuestionDefaults& defaults,
                                                     const RestoreReasoning& restore = {});

/// The developer message that instructions, functions and a format make; none where there is nothing to say.
std::optional<harmony::Message> developer_message(std::string_view instructions, std::span<const Function> functions,
                                                  const ResponseFormat& format);

}  // namespace mxpath::openai
