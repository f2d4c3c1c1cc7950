#include "cli/start.h"

#include <fmt/format.h>
#include <unistd.h>

#include "app/dirs.h"
#include "app/planner.h"
#include "app/speed.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/knob_flags.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "plan/explain.h"

namespace mxpath::cli {
namespace {

/// Above the answer on a terminal; beside it where the answer goes into a pipe or a file.
void show_plan(const std::string& text) {
  if (is_terminal(STDOUT_FILENO)) print(text);
  else write_stderr(is_terminal(STDERR_FILENO) ? terminal_visible(text) : text);
}

/// Where no plan is shown: what was asked of GPUs and could not be had.
void tell_reason(const Plan& plan) {
  if (!plan.device_reason.empty()) tell(plan.device_reason);
}

std::string plan_text(const Plan& plan, bool verbose) {
  return in_flags(verbose ? explain(plan, false) : explain_briefly(plan)) + "\n";
}

std::string larger_context(int context, int most) {
  return context < most ? fmt::format("a larger --ctx holds more, up to {}", most) : "the model allows no more";
}

/// Who filled it: a long prompt and a long answer ask for different remedies.
std::string shares(const Generation& generation) {
  return fmt::format("{} of prompt and {} generated", plural(generation.prompt_tokens, "token"),
                     generation.tokens.size());
}

std::string why_ended(const Answer& answer, const Runtime& runtime, const AnswerOptions& how) {
  switch (answer.generation.reason) {
    case EndReason::length: return fmt::format("stopped at --max-new-tokens {}", how.max_new_tokens);
    case EndReason::context:
      return fmt::format("the context of {} is full with {}; {}", plural(runtime.plan().context, "token"),
                         shares(answer.generation),
                         larger_context(runtime.plan().context, runtime.files.manifest.config.max_positions));
    case EndReason::cancelled:
      return interrupted() ? "stopped by Ctrl-C" : "";  // else the output failed, and that is told at the end
    case EndReason::stop_token:
    case EndReason::error: return "";
  }
  return "";
}

/// How a turn without a text ended, and what would leave room for one.
std::pair<std::string, std::string> end_without_text(const Answer& answer, const Runtime& runtime,
                                                     const AnswerOptions& how) {
  switch (answer.generation.reason) {
    case EndReason::length:
      return {fmt::format("stopped at --max-new-tokens {} before the answer began", how.max_new_tokens),
              "; a larger number leaves room for it"};
    case EndReason::context:
      return {fmt::format("the context of {} is full with {}, before the answer began",
                          plural(runtime.plan().context, "token"), shares(answer.generation)),
              "; " + larger_context(runtime.plan().context, runtime.files.manifest.config.max_positions)};
    case EndReason::cancelled: return {"stopped by Ctrl-C before the answer began", ""};
    case EndReason::stop_token:
    case EndReason::error: break;
  }
  const std::string_view tool = called_tool(answer);
  if (tool.empty() && !how.stops.empty())
    return {"nothing came before the end of the model's turn or a text of --stop", ""};
  if (tool.empty()) return {"the model ended its turn without an answer", ""};
  return {fmt::format("the model ended its turn without an answer and called {}, a tool that it was not offered",
                      printable(tool)),
          ""};
}

void show_checks(const LoadedModel& loaded) {
  for (const auto& check : loaded.checks)
    tell(fmt::format("self-check of {} for {}: {:.2f} of its bound, {:.1f} ms", check.path, name_of(check.site),
                     check.worst, check.seconds * 1e3));
  tell(fmt::format("loaded in {:.2f} s", loaded.seconds));
}

}  // namespace

Result<ModelFiles> find_model(const std::string& model, bool only_word) {
  auto files = open_model_files(model, model_places());
  if (!files.ok() && only_word && model.find(' ') != std::string::npos)
    return wrong_use("{}: there is no such model; to ask the demo model, write `mxpath run demo \"{}\"`",
                     printable(model), printable(model));
  return files;
}

Result<std::unique_ptr<Runtime>> start_visibly(ModelFiles files, const CommonOptions& options,
                                               std::span<const Token> prompt, int answer, bool quiet) {
  const Machine machine = machine_for(files.manifest, options.policy);
  MXPATH_TRY(const Plan plan, plan_here(files.manifest, machine, options.policy));
  MXPATH_CHECK(check_plan(plan, options.policy, {static_cast<int>(prompt.size()), "a prompt"}));
  if (!prompt.empty()) MXPATH_CHECK(check_prompt(prompt, plan.context, files.manifest.config, answer));
  const std::string planned = plan_text(plan, options.verbose);
  if (!quiet) show_plan(planned);
  else if (options.policy.gpu_layers || options.policy.cpu_experts) tell_reason(plan);
  ProgressBar bar;
  LoadOptions load{.progress = bar.callback(), .notice = [&bar](const std::string& text) { bar.clear(), tell(text); }};
  MXPATH_TRY(auto runtime, start(std::move(files), machine, options.policy, load));
  bar.clear();
  if (const std::string loaded = plan_text(runtime->plan(), options.verbose); !quiet && loaded != planned)
    show_plan(loaded);
  if (!quiet && options.verbose) show_checks(*runtime->loaded);
  return runtime;
}

PrinterOptions printer_options(Show show) {
  const bool terminal = is_terminal(STDOUT_FILENO);
  return {.analysis = show == Show::all || (show == Show::automatic && terminal),
          .dim = wants_colour(STDOUT_FILENO),
          .terminal = terminal};
}

AnswerOptions answer_options(const RunOptions& options, const ModelFiles& files) {
  AnswerOptions how;
  how.sampling = sampling_of(options, files.sampling);
  how.max_new_tokens = options.max_new_tokens;
  how.stops = options.stops;
  how.use_cache = !options.no_cache;
  how.go_on = [] { return !interrupted() && output_error() == 0; };  // nobody would see what still comes
  if (printer_options(options.show).analysis) how.unknown = UnknownText::at_once;
  return how;
}

std::string why_no_text(const Answer& answer, const Runtime& runtime, const AnswerOptions& how,
                        std::string_view see_reasoning) {
  const auto [end, remedy] = end_without_text(answer, runtime, how);
  const int tokens = answer.reasoning_tokens;
  const std::string reasoned = tokens ? fmt::format(", after reasoning for {}", plural(tokens, "token")) : "";
  return fmt::format("{}{}{}{}", end, reasoned, remedy, tokens ? see_reasoning : "");
}

std::string_view how_to_see_reasoning(Show show, bool in_chat) {
  if (printer_options(show).analysis) return "";
  return in_chat ? "; /show all prints the reasoning" : "; --show all prints the reasoning";
}

void report_end(const Answer& answer, const Runtime& runtime, const AnswerOptions& how, bool verbose,
                std::optional<std::string_view> see_reasoning) {
  const bool dim = wants_colour(STDERR_FILENO), silent = see_reasoning && !has_text(answer);
  const std::string ended =
      silent ? why_no_text(answer, runtime, how, *see_reasoning) : why_ended(answer, runtime, how);
  if (!ended.empty()) tell(ended);
  std::string line = to_text(speed_of(answer.generation, runtime.plan(), runtime.machine));
  if (verbose) line += fmt::format(" | seed {}", how.sampling.seed);
  write_stderr(fmt::format("{}{}{}\n", dim ? "\x1b[2m" : "", line, dim ? "\x1b[0m" : ""));
}

}  // namespace mxpath::cli
