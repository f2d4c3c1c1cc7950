// `mxpath run`: one answer, or a conversation.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/dirs.h"
#include "app/speed.h"
#include "app/token_file.h"
#include "base/text.h"
#include "cli/answer_printer.h"
#include "cli/batch.h"
#include "cli/chat.h"
#include "cli/interrupt.h"
#include "cli/prompt_cache.h"
#include "cli/start.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

/// One question, ready to be asked.
struct Question {
  bool harmony = true;
  std::vector<Token> tokens;
  std::vector<Token> stops;  // without harmony
};

/// A line end at the end of a pipe belongs to the pipe, not to the question.
std::string without_line_end(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> prompt_text(const RunOptions& options) {
  if (options.prompt && *options.prompt != "-") return *options.prompt;
  MXPATH_TRY(std::string text, read_standard_input());
  return options.raw ? text : without_line_end(std::move(text));
}

Result<Question> raw_question(const RunOptions& options, const ModelFiles& files) {
  Question question{.harmony = false, .tokens = {}, .stops = raw_stop_tokens(files)};
  if (!options.tokens.empty()) {
    MXPATH_TRY(question.tokens, read_token_file(options.tokens, files.manifest.config.vocab));
    return question;
  }
  MXPATH_TRY(const std::string text, prompt_text(options));
  question.tokens = files.tokenizer->encode_with_special(text);
  return question;
}

Result<Question> make_question(const RunOptions& options, const ModelFiles& files) {
  if (options.raw || !options.tokens.empty()) return raw_question(options, files);
  MXPATH_CHECK(check_vocabulary(files));
  MXPATH_TRY(const std::string text, prompt_text(options));
  if (text.empty()) return fail("the prompt is empty; give it as PROMPT or on standard input");
  Question question;
  MXPATH_TRY(question.tokens, Conversation(options.conversation).prompt(*files.tokenizer, text));
  return question;
}

/// What was generated; all that there is of an answer that ended in an error.
Json generated_json(const Answer& answer, const Question& question) {
  Json out = {{"tokens", answer.generation.tokens}, {"text", answer.text}};
  if (question.harmony) {
    out["analysis"] = answer.analysis, out["messages"] = to_json(answer.messages);
    out["reasoning_tokens"] = answer.reasoning_tokens;
  }
  return out;
}

Json answer_json(const Answer& answer, const Question& question, const Runtime& runtime, const AnswerOptions& options) {
  Json out = generated_json(answer, question);
  out["stop_reason"] = stop_reason(answer);
  if (question.harmony && !has_text(answer)) out["no_answer"] = why_no_text(answer, runtime, options, "");
  out["seed"] = options.sampling.seed;
  out["timing"] = to_json(speed_of(answer.generation, runtime.plan(), runtime.machine));
  out["timing"]["prompt_seconds"] = answer.generation.prompt_seconds;
  out["timing"]["answer_seconds"] = answer.generation.answer_seconds;
  out["timing"]["load_seconds"] = runtime.loaded->seconds;
  return out;
}

Result<Answer> ask(Runtime& runtime, const Question& question, const AnswerOptions& options) {
  CatchInterrupt catching;
  const Tokenizer& tokenizer = *runtime.files.tokenizer;
  return question.harmony ? answer_chat(runtime.session, tokenizer, question.tokens, options)
                          : continue_raw(runtime.session, tokenizer, question.tokens, question.stops, options);
}

Status answer_once(const RunOptions& options, Runtime& runtime, const Question& question, Program& program) {
  const bool json = program.json;
  AnswerOptions how = answer_options(options, runtime.files);
  AnswerPrinter printer(printer_options(options.show));
  ProgressBar bar;
  how.progress = bar.callback();
  std::optional<Json> begun;
  how.on_error = [&](const Answer& answer) { begun = generated_json(answer, question); };
  if (!json) how.on_delta = std::ref(printer);
  const auto asked = ask(runtime, question, how);
  bar.clear();
  if (!json) printer.finish();
  if (!asked.ok()) {
    if (json && begun) print_json(std::move(*begun), asked.error(), program);
    return asked.error();
  }
  const Answer& answer = *asked;
  if (json) print_json(answer_json(answer, question, runtime, how));
  std::optional<std::string_view> see_reasoning;
  if (question.harmony) see_reasoning = how_to_see_reasoning(options.show, false);
  if (!json) report_end(answer, runtime, how, options.common.verbose, see_reasoning);
  return {};
}

Status run(RunOptions& options, Program& program) {
  MXPATH_CHECK(check_run_options(options, program.json));
  options.date_is_today = !options.no_date && !options.conversation.date;
  if (options.date_is_today) options.conversation.date = today();
  MXPATH_CHECK(check_prompt_cache(options.prompt_cache));
  if (!options.batch.empty()) return answer_batch(options, program);
  const bool converse = !options.prompt && options.tokens.empty() && is_terminal(STDIN_FILENO);
  if (converse && program.json) return wrong_use("--json needs a PROMPT or --tokens: a conversation is for a terminal");
  if (converse && options.raw) return wrong_use("--raw needs a PROMPT");
  MXPATH_TRY(ModelFiles files, find_model(options.common.model, !options.prompt));
  Question question;
  if (converse) MXPATH_CHECK(check_vocabulary(files));
  if (!converse) {
    MXPATH_TRY(question, make_question(options, files));
  }
  MXPATH_TRY(const auto runtime, start_visibly(std::move(files), options.common, question.tokens, 1, program.json));
  return with_prompt_cache(options.prompt_cache, *runtime, [&] {
    return converse ? chat(options, *runtime) : answer_once(options, *runtime, question, program);
  });
}

}  // namespace

void add_run(CLI::App& app, Program& program) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Talk to a model in the terminal, or ask it one question");
  add_run_options(*command, *options);
  add_common_options(*command, options->common, program);
  command->callback([options, &program] { program.action = [options, &program] { return run(*options, program); }; });
}

}  // namespace mxpath::cli
