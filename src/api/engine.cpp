#include "api/convert.h"
#include "api/engine_state.h"
#include "api/knob_names.h"
#include "app/dirs.h"
#include "plan/explain.h"

namespace mxpath::api {
namespace {

Outcome<std::vector<Answer>> to_api(Result<std::vector<ScheduledAnswer>> answers) {
  if (!answers.ok()) return api::to_api(answers.error());
  std::vector<Answer> out;
  for (ScheduledAnswer& answer : *answers) out.push_back(api::to_api(std::move(answer)));
  return out;
}

Outcome<Answer> the_only(Outcome<std::vector<Answer>> answers) {
  if (!answers) return answers.error();
  return std::move(answers->front());
}

}  // namespace

Engine::Engine(std::shared_ptr<EngineState> state) : state_(std::move(state)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Outcome<Engine> Engine::load(std::string_view model, const Options& options) {
  auto state = EngineState::load(model, options);
  if (!state.ok()) return api::to_api(state.error());
  return Engine(std::move(state).value());
}

const ModelInfo& Engine::info() const { return state_->info; }
std::string Engine::plan_text(bool verbose) const { return in_option_names(explain(state_->runtime->plan(), verbose)); }
std::string Engine::plan_json() const { return api::plan_json(state_->runtime->plan()); }
std::vector<int32_t> Engine::encode(std::string_view text) const {
  return state_->runtime->files.tokenizer->encode(text);
}
std::string Engine::decode(std::span<const int32_t> tokens) const {
  return state_->runtime->files.tokenizer->decode_lossy(tokens);
}

Outcome<Answer> Engine::ask(std::string_view question, const GenerateOptions& options, const OnText& on_text) {
  const Message message{.role = "user", .content = std::string(question), .channel = {}, .recipient = {}, .name = {}};
  return ask(std::span(&message, 1), options, on_text);
}

Outcome<Answer> Engine::ask(std::span<const Message> messages, const GenerateOptions& options, const OnText& on_text) {
  return the_only(ask_several(messages, 1, options, of_one(on_text)));
}

Outcome<Answer> Engine::continue_tokens(std::span<const int32_t> tokens, const GenerateOptions& options,
                                        const OnText& on_text) {
  return the_only(continue_several(tokens, 1, options, of_one(on_text)));
}

Outcome<std::vector<Answer>> Engine::ask_several(std::span<const Message> messages, int choices,
                                                 const GenerateOptions& options, const OnChoiceText& on_text) {
  const auto prompt = state_->render(messages, options);
  if (!prompt.ok()) return api::to_api(prompt.error());
  return to_api(state_->answer(*prompt, state_->harmony(), choices, options, on_text));
}

Outcome<std::vector<Answer>> Engine::continue_several(std::span<const int32_t> tokens, int choices,
                                                      const GenerateOptions& options, const OnChoiceText& on_text) {
  return to_api(state_->answer(tokens, state_->raw(), choices, options, on_text));
}

Outcome<Score> Engine::score(std::span<const int32_t> tokens, int top) {
  if (top < 0) return Error{Error::Kind::wrong_use, fmt::format("top {}: must be 0 or more", top), {}};
  auto score = state_->alone<mxpath::Score>(tokens, [&](Session& session) { return session.score(tokens, top); });
  if (!score.ok()) return to_api(score.error());
  return to_api(std::move(score).value());
}

Outcome<std::vector<float>> Engine::logits(std::span<const int32_t> tokens) {
  using Logits = std::vector<float>;
  auto logits = state_->alone<Logits>(tokens, [&](Session& session) -> Result<Logits> {
    MXPATH_TRY(const auto last, session.read_logits(tokens));
    return Logits(last.begin(), last.end());
  });
  if (!logits.ok()) return to_api(logits.error());
  return std::move(logits).value();
}

Outcome<std::vector<int32_t>> Engine::render(std::span<const Message> messages, const GenerateOptions& options) const {
  auto tokens = state_->render(messages, options);
  if (!tokens.ok()) return to_api(tokens.error());
  return std::move(tokens).value();
}

std::string_view version() { return mxpath::version(); }

}  // namespace mxpath::api
