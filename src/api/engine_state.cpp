#include "api/engine_state.h"

#include "api/convert.h"
#include "app/dirs.h"
#include "app/planner.h"
#include "base/hint.h"
#include "base/text.h"

namespace mxpath::api {
namespace {

ModelInfo info_of(const Runtime& runtime) {
  const ModelConfig& c = runtime.loaded->model.config;
  return {.layers = c.layers,
          .experts = c.experts,
          .experts_per_token = c.experts_per_token,
          .hidden = c.hidden,
          .vocabulary = c.vocab,
          .context = runtime.plan().context,
          .weight_bytes = runtime.plan().memory().weights + runtime.plan().gpu_memory().weights,
          .load_seconds = runtime.loaded->seconds};
}

Result<std::unique_ptr<Runtime>> load_runtime(std::string_view model, const Options& options) {
  MXPATH_TRY(const Policy policy, to_policy(options));
  MXPATH_TRY(ModelFiles files, open_model_files(model, model_places()));
  const Machine machine = machine_for(files.manifest, policy);
  return start(std::move(files), machine, policy, {.progress = options.progress, .notice = options.notice});
}

/// A leading system message is the identity line, developer messages are instructions; the rest stays in its order.
Result<std::vector<harmony::Message>> to_harmony(std::span<const Message> messages, ConversationOptions options) {
  std::vector<harmony::Message> turns;
  for (const Message& message : messages) {
    MXPATH_TRY(harmony::Message turn, to_message(message));
    if (turn.role == harmony::Role::system) options.identity = turn.content;
    else if (turn.role == harmony::Role::developer)
      options.developer += (options.developer.empty() ? "" : "\n\n") + turn.content;
    else turns.push_back(std::move(turn));
  }
  if (turns.empty() || turns.back().role == harmony::Role::assistant)
    return wrong_use("the last message must be a user's or a tool's");
  if (turns.back().content.empty()) return fail("the last message is empty");
  std::vector<harmony::Message> all = Conversation(std::move(options)).messages();
  all.insert(all.end(), std::make_move_iterator(turns.begin()), std::make_move_iterator(turns.end()));
  return all;
}

}  // namespace

Result<std::shared_ptr<EngineState>> EngineState::load(std::string_view model, const Options& options) {
  if (!(options.step_target >= 0))
    return wrong_use("{}: must be 0 or more seconds", mention(Knob::step_target, options.step_target));
  auto state = std::make_shared<EngineState>();
  MXPATH_TRY(state->runtime, load_runtime(model, options));
  state->info = info_of(*state->runtime);
  SchedulerOptions how;
  how.steps.step_target = options.step_target;
  state->scheduler = std::make_unique<Scheduler>(state->runtime->session.executor(), how);
  MXPATH_CHECK(state->scheduler->start());
  return state;
}

AnswerFormat EngineState::harmony() const { return harmony_format(*runtime->files.tokenizer); }
AnswerFormat EngineState::raw() const { return raw_format(raw_stop_tokens(runtime->files)); }

Result<std::vector<Token>> EngineState::render(std::span<const Message> messages,
                                               const GenerateOptions& options) const {
  MXPATH_CHECK(check_vocabulary(runtime->files, false));
  MXPATH_TRY(ConversationOptions conversation, to_conversation_options(options));
  MXPATH_TRY(const auto all, to_harmony(messages, std::move(conversation)));
  return harmony::render(*runtime->files.tokenizer, all, harmony::Role::assistant, harmony::DropAnalysis::finished);
}

Result<std::vector<ScheduledAnswer>> EngineState::answer(std::span<const Token> prompt, AnswerFormat format,
                                                         int choices, const GenerateOptions& options,
                                                         const OnChoiceText& on_text) const {
  MXPATH_TRY(auto how, to_scheduled_options(options, runtime->files.sampling, choices, on_text));
  if (const Status stops = check_stops(options.stop); !stops.ok()) return wrong_use("stop: {}", stops.error().message);
  format.stops = options.stop;
  if (options.cancel) how.cancellation = options.cancel->shared_;
  MXPATH_CHECK(check_prompt(prompt, runtime->plan().context, runtime->loaded->model.config, 1));
  return answer_scheduled(*scheduler, *runtime->files.tokenizer, format, prompt, how);
}

}  // namespace mxpath::api
