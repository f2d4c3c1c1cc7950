#include "server/asked.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "base/sha256.h"
#include "base/text.h"

namespace mxpath::server {
namespace {

using openai::ApiError;
using openai::Question;

constexpr int deepest_body = 64;

bool deeper_than(const Json& json, int depth) {
  if (!json.is_structured()) return false;
  if (depth == 0) return true;
  return std::ranges::any_of(json, [depth](const Json& inner) { return deeper_than(inner, depth - 1); });
}

openai::QuestionDefaults defaults_of(const ServiceState& state) {
  const ServedModel& model = *state.model;
  openai::QuestionDefaults defaults;
  defaults.conversation = state.options.conversation;
  if (state.options.today && !defaults.conversation.date) defaults.conversation.date = today();
  defaults.sampling = model.runtime->files.sampling;
  defaults.context = model.runtime->plan().context;
  defaults.vocab = model.runtime->loaded->model.config.vocab;
  return defaults;
}

std::string field_of(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::chat: return "messages";
    case Endpoint::completions: return "prompt";
    case Endpoint::responses: break;
  }
  return "input";
}

ApiError too_long(size_t tokens, int context, Endpoint endpoint) {
  ApiError error{.message = fmt::format("this model's maximum context length is {} tokens, and the prompt has {}; "
                                        "shorten the prompt, or start the server with a longer context",
                                        context, tokens),
                 .param = field_of(endpoint),
                 .code = "context_length_exceeded"};
  error.more = {{"n_prompt_tokens", tokens}, {"n_ctx", context}};
  return error;
}

bool needs_call(const Question& question) {
  return question.tool_choice == openai::ToolChoice::required || question.tool_choice == openai::ToolChoice::named;
}

openai::Asked<std::vector<std::vector<Token>>> prompts_of(const ServiceState& state, const Question& question,
                                                          Endpoint endpoint) {
  const ServedModel& model = *state.model;
  const Tokenizer& tokenizer = model.tokenizer();
  std::vector<std::vector<Token>> prompts = question.prompts;
  for (const std::string& text : question.prompt_texts) prompts.push_back(tokenizer.encode_with_special(text));
  if (question.harmony) {
    auto rendered =
        harmony::render(tokenizer, question.messages, harmony::Role::assistant, harmony::DropAnalysis::finished);
    if (!rendered.ok())
      return ApiError{.message = in_words(rendered.error().message, state.options.wording),
                      .param = field_of(endpoint)};
    if (question.skip_reasoning) {
      const auto header = tokenizer.encode_with_special("<|channel|>final<|message|>");
      rendered->insert(rendered->end(), header.begin(), header.end());
    }
    prompts.push_back(std::move(*rendered));
  }
  const int context = model.runtime->plan().context;
  for (const auto& prompt : prompts) {
    if (prompt.empty()) return openai::bad_field(field_of(endpoint), "the prompt is empty");
    if (std::ssize(prompt) + 1 > context) return too_long(prompt.size(), context, endpoint);
  }
  return prompts;
}

/// Of the caller's key and what the body adds: texts of different callers share no cached prefix.
uint64_t salt_of(std::string_view key, std::string_view cache_salt) {
  if (key.empty() && cache_salt.empty()) return 0;
  const std::string both = std::string(key) + "\n" + std::string(cache_salt);
  const std::string digest = sha256({reinterpret_cast<const uint8_t*>(both.data()), both.size()});
  return std::stoull(digest.substr(0, 16), nullptr, 16);
}

uint64_t random_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32 | device()) & ((uint64_t{1} << 53) - 1);  // whole in every JSON reader
}

/// Fills what the server decides.
Result<void, ApiError> complete(const ServiceState& state, Question& question) {
  MXPATH_CHECK(check_model(state, question.model));
  if (question.skip_reasoning && needs_call(question)) {
    // A call begins at a header, so the prompt cannot end in that of the final channel.
    question.skip_reasoning = false;
    question.reasoning_budget = 0;
  }
  if (const int most = state.options.max_reply; most > 0 && question.max_new_tokens > most)
    question.warnings.push_back(
        fmt::format("answers end after {} tokens here, and {} were asked for", most, question.max_new_tokens));
  if (!question.has_seed) question.sampling.seed = random_seed();
  if (const Status right = check_sampling(question.sampling); !right.ok())
    return ApiError{.message = in_words(right.error().message)};  // plain: fields are called as options are
  return {};
}

openai::Asked<AskedOf> read_responses(ServiceState& state, const Json& body, const openai::QuestionDefaults& defaults,
                                      const openai::RestoreReasoning& restore, const Caller& caller) {
  std::optional<openai::StoredResponse> previous;
  if (const std::string named = openai::previous_response_id(body); !named.empty()) {
    const std::lock_guard lock(state.responses_mutex);
    if (const auto* found = state.responses.find(named, caller.key)) previous = *found;
  }
  MXPATH_TRY(auto asked, openai::parse_responses(body, defaults, previous ? &*previous : nullptr, restore));
  MXPATH_CHECK(complete(state, asked.question));
  AskedOf out{.endpoint = Endpoint::responses};
  auto responses = std::make_shared<openai::ResponsesQuestion>(std::move(asked));
  out.question = std::shared_ptr<Question>(responses, &responses->question);
  out.responses = std::move(responses);
  return out;
}

}  // namespace

Result<void, ApiError> check_model(const ServiceState& state, std::string_view name) {
  const auto& names = state.model->names;
  if (name.empty() || state.options.any_model || std::ranges::count(names, name) > 0) return {};
  return ApiError{.status = 404,
                  .message = fmt::format("there is no model \"{}\" here; this server has {}", printable(name),
                                         fmt::join(names, ", ")),
                  .param = "model",
                  .code = "model_not_found"};
}

openai::Asked<Json> read_body(std::string_view body) {
  if (body.empty()) return ApiError{.message = "the body is empty; a JSON object is needed"};
  auto json = parse_json(body, "the body");
  if (!json.ok()) return ApiError{.message = json.error().message, .code = "invalid_json"};
  if (!json->is_object()) return ApiError{.message = "the body must be a JSON object"};
  if (deeper_than(*json, deepest_body))
    return ApiError{.message = fmt::format("the body is nested deeper than {} levels", deepest_body)};
  return std::move(*json);
}

openai::Asked<AskedOf> read_question(ServiceState& state, Endpoint endpoint, std::string_view text,
                                     const Caller& caller) {
  MXPATH_TRY(const Json body, read_body(text));
  const openai::QuestionDefaults defaults = defaults_of(state);
  openai::RestoreReasoning restore;
  if (state.options.restore_reasoning)
    restore = [&](std::string_view call_id) { return state.reasoning.find(caller.key, call_id); };
  AskedOf out{.endpoint = endpoint};
  if (endpoint == Endpoint::responses) {
    MXPATH_TRY(out, read_responses(state, body, defaults, restore, caller));
  } else {
    auto parsed = endpoint == Endpoint::chat ? openai::parse_chat(body, defaults, restore)
                                             : openai::parse_completion(body, defaults);
    MXPATH_TRY(Question question, std::move(parsed));
    MXPATH_CHECK(complete(state, question));
    out.question = std::make_shared<Question>(std::move(question));
  }
  MXPATH_TRY(out.prompts, prompts_of(state, *out.question, endpoint));
  if (std::ssize(out.prompts) > state.options.most_queued)
    return openai::bad_field(field_of(endpoint), "{} prompts in one request; this server takes {} at most",
                             out.prompts.size(), state.options.most_queued);
  if (out.question->prompt_texts.empty())  // an echo tells tokens as text
    for (const auto& prompt : out.question->prompts)
      out.question->prompt_texts.push_back(state.model->tokenizer().decode_lossy(prompt));
  out.salt = salt_of(caller.key, out.question->cache_salt);
  return out;
}

namespace {

ApiError schema_error(const grammar::SchemaError& error, std::string_view param) {
  ApiError out{.status = error.busy ? 503 : 400,
               .message = error.sentence,
               .param = std::string(param),
               .code = "invalid_schema",
               .type = error.busy ? "server_error" : "invalid_request_error"};
  if (!error.pointer.empty()) out.more["pointer"] = error.pointer;
  if (!error.keyword.empty()) out.more["keyword"] = error.keyword;
  if (error.busy) out.retry_after = 2;
  return out;
}

using Body = Result<grammar::BodyPtr, grammar::SchemaError>;

Body body_of_call(grammar::Grammars& grammars, const openai::Function& function, std::vector<std::string>& warnings) {
  if (function.custom) {
    if (!function.text_format || function.text_format->value("type", "") != "grammar") return grammar::BodyPtr();
    const std::string definition = function.text_format->value("definition", "");
    return function.text_format->value("syntax", "") == "regex" ? grammars.regex(definition)
                                                                : grammars.lark(definition);
  }
  if (!grammar::has_grammars()) return grammar::BodyPtr();  // arguments are not promised to fit
  if (!function.parameters) return grammars.any_json_object();
  return grammars.json_schema(*function.parameters, function.strict, &warnings);
}

}  // namespace

openai::Asked<std::shared_ptr<const grammar::AnswerRules>> rules_of(const ServedModel& model,
                                                                    openai::Question& question) {
  auto rules = std::make_shared<grammar::AnswerRules>();
  for (const auto& [token, bias] : question.bias) rules->never.push_back(token);
  rules->harmony = question.harmony;
  if (!question.harmony) {
    if (rules->never.empty()) return std::shared_ptr<const grammar::AnswerRules>();
    return std::shared_ptr<const grammar::AnswerRules>(std::move(rules));
  }
  grammar::Grammars& grammars = *model.grammars;
  using Kind = openai::ResponseFormat::Kind;
  if (question.format.kind != Kind::text) {
    Body body = question.format.kind == Kind::json_object
                    ? grammars.any_json_object()
                    : grammars.json_schema(question.format.schema, question.format.strict, &question.warnings);
    if (!body.ok()) return schema_error(body.error(), "response_format");
    rules->final_body = std::move(*body);
  }
  rules->calls_allowed = question.tool_choice != openai::ToolChoice::none && !question.functions.empty();
  for (const openai::Function& function : question.functions) {
    if (!rules->calls_allowed) break;
    if (question.tool_choice == openai::ToolChoice::named && function.name != question.named) continue;
    Body body = body_of_call(grammars, function, question.warnings);
    if (!body.ok()) return schema_error(body.error(), "tools");
    rules->calls.push_back({"functions." + function.name, std::move(*body), !function.custom});
  }
  rules->call_required = needs_call(question);
  rules->skip_reasoning = question.skip_reasoning;
  rules->reasoning_budget = question.reasoning_budget;
  return std::shared_ptr<const grammar::AnswerRules>(std::move(rules));
}

}  // namespace mxpath::server
