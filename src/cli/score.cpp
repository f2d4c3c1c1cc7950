// `mxpath score`: how likely a model finds a text.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/dirs.h"
#include "app/reports/score_report.h"
#include "app/token_file.h"
#include "base/text.h"
#include "cli/choice.h"
#include "cli/start.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

struct ScoreOptions {
  CommonOptions common;
  std::string tokens, text;
  bool has_text = false;
  int top = 0;
};

Result<std::vector<Token>> tokens_of(const ScoreOptions& options, const ModelFiles& files) {
  if (!options.tokens.empty()) return read_token_file(options.tokens, files.manifest.config.vocab);
  std::string text = options.text;
  if (text == "-") {
    MXPATH_TRY(text, read_standard_input());
  }
  if (text.empty()) return fail("--text is empty; give at least one character");
  return files.tokenizer->encode(text);
}

Status run(const ScoreOptions& options, const Program& program) {
  if (options.tokens.empty() && !options.has_text) return wrong_use("score needs --tokens FILE or --text TEXT");
  MXPATH_TRY(ModelFiles files, open_model_files(options.common.model, model_places()));
  MXPATH_TRY(const auto tokens, tokens_of(options, files));
  MXPATH_TRY(const auto runtime,
             start_visibly(std::move(files), options.common, tokens, 0, program.json || !options.common.verbose));
  ProgressBar bar;
  MXPATH_TRY(const Score score, runtime->session.score(tokens, options.top, bar.callback()));
  bar.clear();
  if (program.json) print_json(score_json(tokens, score));
  else print(score_text(tokens, score, *runtime->files.tokenizer));
  return {};
}

}  // namespace

void add_score(CLI::App& app, Program& program) {
  auto options = std::make_shared<ScoreOptions>();
  CLI::App* command = app.add_subcommand("score", "Show the probability of every token of a text under a model");
  add_model(*command, options->common.model, true);
  auto* tokens =
      command->add_option("--tokens", options->tokens, "token ids: [1, 2] or {\"tokens\": [1, 2]}; - is standard input")
          ->transform(expanded_path())
          ->type_name("FILE");
  const auto set_text = [options = options.get()](const std::string& text) {
    options->text = text, options->has_text = true;
  };
  command->add_option_function<std::string>("--text", set_text, "plain text, without harmony; - is standard input")
      ->excludes(tokens);
  command->add_option("--top", options->top, "also print the N most likely tokens at every position")
      ->check(whole_number(1, 1 << 20))
      ->type_name("N");
  add_common_options(*command, options->common, program);
  command->callback([options, &program] { program.action = [options, &program] { return run(*options, program); }; });
}

}  // namespace mxpath::cli
