#include "api/convert.h"
#include "api/knob_names.h"
#include "app/dirs.h"
#include "app/planner.h"
#include "app/runtime.h"
#include "base/text.h"
#include "plan/explain.h"

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

struct Engine::State {
  std::unique_ptr<Runtime> runtime;
  ModelInfo info;

  Result<mxpath::Answer> ask(std::span<const Message> messages, const GenerateOptions& options, const OnText& on_text) {
    MXPATH_CHECK(check_vocabulary(runtime->files, false));
    MXPATH_TRY(const auto how, to_answer_options(options, runtime->files.sampling, on_text));
    MXPATH_TRY(ConversationOptions conversation, to_conversation_options(options));
    MXPATH_TRY(const auto all, to_harmony(messages, std::move(conversation)));
    const Tokenizer& tokenizer = *runtime->files.tokenizer;
    MXPATH_TRY(const auto prompt,
               harmony::render(tokenizer, all, harmony::Role::assistant, harmony::DropAnalysis::finished));
    return answer_chat(runtime->session, tokenizer, prompt, how);
  }

  Result<mxpath::Answer> go_on(std::span<const int32_t> tokens, const GenerateOptions& options, const OnText& on_text) {
    MXPATH_TRY(const auto how, to_answer_options(options, runtime->files.sampling, on_text));
    return continue_raw(runtime->session, *runtime->files.tokenizer, tokens, raw_stop_tokens(runtime->files), how);
  }
};

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Outcome<Engine> Engine::load(std::string_view model, const Options& options) {
  auto runtime = load_runtime(model, options);
  if (!runtime.ok()) return to_api(runtime.error());
  auto state = std::make_unique<State>();
  state->info = info_of(**runtime);
  state->runtime = std::move(runtime).value();
  return Engine(std::move(state));
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
  auto answer = state_->ask(messages, options, on_text);
  if (!answer.ok()) return to_api(answer.error());
  return to_api(std::move(answer).value());
}

Outcome<Answer> Engine::continue_tokens(std::span<const int32_t> tokens, const GenerateOptions& options,
                                        const OnText& on_text) {
  auto answer = state_->go_on(tokens, options, on_text);
  if (!answer.ok()) return to_api(answer.error());
  return to_api(std::move(answer).value());
}

Outcome<Score> Engine::score(std::span<const int32_t> tokens, int top) {
  if (top < 0) return Error{Error::Kind::wrong_use, fmt::format("top {}: must be 0 or more", top), {}};
  auto score = state_->runtime->session.score(tokens, top);
  if (!score.ok()) return to_api(score.error());
  return to_api(std::move(score).value());
}

std::string_view version() { return mxpath::version(); }

}  // namespace mxpath::api
