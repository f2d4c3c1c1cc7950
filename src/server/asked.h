// From a body to what the model is asked: on a worker, because prompts are long.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "server/service_state.h"

namespace mxpath::server {

enum class Endpoint : uint8_t { chat, completions, responses };

/// A body that was read, with its prompts.
struct AskedOf {
  Endpoint endpoint = Endpoint::chat;
  std::shared_ptr<const openai::ResponsesQuestion> responses = {};  ///< of that endpoint
  std::shared_ptr<openai::Question> question = {};
  std::vector<std::vector<Token>> prompts = {};
  uint64_t salt = 0;
};

/// Reads a body, renders its prompts and checks them against the context. Errors: those of the parsers; 404 for a model
/// that is not here; 400 context_length_exceeded. From any thread.
openai::Asked<AskedOf> read_question(ServiceState& state, Endpoint endpoint, std::string_view body,
                                     const Caller& caller);

/// The rules that an answer must keep; null: none. Errors: a schema that cannot be enforced. From any thread.
openai::Asked<std::shared_ptr<const grammar::AnswerRules>> rules_of(const ServedModel& model,
                                                                    openai::Question& question);

/// One document, not nested deeper than 64. Error: 400.
openai::Asked<Json> read_body(std::string_view body);

/// 404 where `name` is given and none of the model's.
Result<void, openai::ApiError> check_model(const ServiceState& state, std::string_view name);

}  // namespace mxpath::server
