// What a body would ask, without asking: its tokens, its prompt, what it would cost.
#include <utility>

#include "base/text.h"
#include "server/asked.h"
#include "server/capacity.h"
#include "server/routes.h"

namespace mxpath::server {
namespace {

using openai::Asked;

/// Reads the body on a worker, makes a reply of it there, and sends that.
void answer_later(ServiceState& state, const ExchangePtr& exchange, const Caller& caller,
                  std::function<Asked<Json>(std::string_view body)> make) {
  state.on_worker<Json>(
      exchange, caller, false, [exchange, make = std::move(make)](BusyWith&) { return make(exchange->request().body); },
      [&state, exchange, caller](const Json& made) { state.send(exchange, caller, made); });
}

/// By what the body holds.
Endpoint endpoint_of(const Json& body) {
  if (body.contains("messages")) return Endpoint::chat;
  return body.contains("prompt") ? Endpoint::completions : Endpoint::responses;
}

Asked<AskedOf> read_any(ServiceState& state, std::string_view text, const Caller& caller) {
  MXPATH_TRY(const Json body, read_body(text));
  return read_question(state, endpoint_of(body), text, caller);
}

int64_t tokens_of(const AskedOf& asked) {
  int64_t tokens = 0;
  for (const auto& prompt : asked.prompts) tokens += std::ssize(prompt);
  return tokens;
}

/// On the thread of the steps, because the prefix cache is theirs.
int64_t cached_tokens(const ServedModel& model, const AskedOf& asked) {
  int64_t cached = 0;
  const auto look = [&] {
    for (const auto& prompt : asked.prompts)
      cached += model.executor().prefixes().match(prompt, std::ssize(prompt) - 1, asked.salt);
  };
  return model.scheduler->call(look, 0).ok() ? cached : 0;
}

Occupancy occupancy_with(const ServiceState& state, const AskedOf& asked) {
  const ModelExecutor& executor = state.model->executor();
  Occupancy now = state.occupancy();
  now.prompt_tokens = tokens_of(asked);
  now.cached_tokens = cached_tokens(*state.model, asked);
  const int answer = asked.question->max_new_tokens > 0 ? asked.question->max_new_tokens : 1024;
  for (const auto& prompt : asked.prompts)
    now.pages_needed += executor.pages_for(std::min<int64_t>(std::ssize(prompt) + answer, now.context));
  return now;
}

Json pieces_of(const Tokenizer& tokenizer, std::span<const Token> tokens) {
  Json out = Json::array();
  for (const Token token : tokens) out.push_back({{"id", token}, {"piece", tokenizer.decode_lossy({&token, 1})}});
  return out;
}

Asked<Json> tokens_of_text(const ServedModel& model, const Json& body, const char* field) {
  if (!body[field].is_string()) return openai::bad_field(field, "{} must be a text", field);
  const std::string text = body[field];
  const bool special = body.value("parse_special", Json(false)) == true;
  const auto tokens = special ? model.tokenizer().encode_with_special(text) : model.tokenizer().encode(text);
  Json out = {{"count", tokens.size()}, {"max_model_len", model.runtime->plan().context}};
  const bool pieces = body.value("with_pieces", Json(false)) == true;
  out["tokens"] = pieces ? pieces_of(model.tokenizer(), tokens) : Json(tokens);
  return out;
}

Asked<Json> text_of_tokens(const ServedModel& model, const Json& body) {
  const auto found = body.find("tokens");
  if (found == body.end() || !found->is_array()) return openai::bad_field("tokens", "must be a list of token ids");
  std::vector<Token> tokens;
  for (size_t i = 0; i < found->size(); ++i) {
    const Json& id = (*found)[i];
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(model.tokenizer().size()))
      return openai::bad_field(fmt::format("tokens[{}]", i), "must be a token id from 0 to {}",
                               model.tokenizer().size() - 1);
    tokens.push_back(id.get<Token>());
  }
  const std::string text = model.tokenizer().decode_lossy(tokens);
  return Json{{"content", text}, {"prompt", text}};
}

}  // namespace

void capacity(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  answer_later(state, exchange, caller, [&state, caller](std::string_view body) -> Asked<Json> {
    auto asked = read_any(state, body, caller);
    if (asked.ok()) return capacity_of(occupancy_with(state, *asked));
    if (asked.error().code != "context_length_exceeded") return std::move(asked).error();
    Occupancy now = state.occupancy();  // what is too long is an answer here, not an error
    now.prompt_tokens = asked.error().more.value("n_prompt_tokens", int64_t{0});
    now.pages_needed = state.model->executor().pages_for(now.context);
    return capacity_of(now);
  });
}

void input_tokens(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  answer_later(state, exchange, caller, [&state, caller](std::string_view body) -> Asked<Json> {
    MXPATH_TRY(const AskedOf asked, read_any(state, body, caller));
    return Json{{"object", "response.input_tokens"}, {"input_tokens", tokens_of(asked)}};
  });
}

void apply_template(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  answer_later(state, exchange, caller, [&state, caller](std::string_view body) -> Asked<Json> {
    MXPATH_TRY(const AskedOf asked, read_any(state, body, caller));
    const auto& prompt = asked.prompts.front();
    return Json{{"prompt", state.model->tokenizer().decode_lossy(prompt)}, {"tokens", prompt}};
  });
}

void tokenize(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  answer_later(state, exchange, caller, [&state, caller](std::string_view text) -> Asked<Json> {
    MXPATH_TRY(const Json body, read_body(text));
    if (const auto name = body.find("model"); name != body.end() && name->is_string())
      MXPATH_CHECK(check_model(state, name->get<std::string>()));
    for (const char* field : {"content", "prompt"})
      if (body.contains(field) && !body.contains("messages")) return tokens_of_text(*state.model, body, field);
    MXPATH_TRY(const AskedOf asked, read_any(state, text, caller));
    const auto& prompt = asked.prompts.front();
    return Json{{"count", prompt.size()}, {"max_model_len", state.model->runtime->plan().context}, {"tokens", prompt}};
  });
}

void detokenize(ServiceState& state, const ExchangePtr& exchange, const Caller& caller) {
  answer_later(state, exchange, caller, [&state](std::string_view text) -> Asked<Json> {
    MXPATH_TRY(const Json body, read_body(text));
    return text_of_tokens(*state.model, body);
  });
}

}  // namespace mxpath::server
