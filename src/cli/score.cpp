// `mxpath score`: how likely a model finds a text, token by token, or many texts.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/dirs.h"
#include "app/reports/score_report.h"
#include "app/token_file.h"
#include "base/text.h"
#include "cli/choice.h"
#include "cli/score_many.h"
#include "cli/start.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

struct ScoreOptions {
  ScoreManyOptions many;  // with what both take
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

Status check(const ScoreOptions& options) {
  const bool one = !options.tokens.empty() || options.has_text,
             many = !options.many.files.empty() || !options.many.lines.empty();
  if (!one && !many) return wrong_use("score needs a FILE, --lines FILE, --tokens FILE or --text TEXT");
  if (one && many) return wrong_use("--tokens and --text are for one text alone; give them, or files");
  if (many && options.top > 0) return wrong_use("--top is for one text, with --tokens or --text");
  if (one && options.many.stride > 0) return wrong_use("--stride is for files, which may be longer than the context");
  return {};
}

Status run(const ScoreOptions& options, Program& program) {
  MXPATH_CHECK(check(options));
  if (options.tokens.empty() && !options.has_text) return score_many(options.many, program);
  const CommonOptions& common = options.many.common;
  MXPATH_TRY(ModelFiles files, open_model_files(common.model, model_places()));
  MXPATH_TRY(const auto tokens, tokens_of(options, files));
  MXPATH_TRY(const auto runtime, start_visibly(std::move(files), common, tokens, 0, program.json || !common.verbose));
  ProgressBar bar;
  MXPATH_TRY(const Score score, runtime->session.score(tokens, options.top, bar.callback()));
  bar.clear();
  if (program.json) print_json(score_json(tokens, score));
  else print(score_text(tokens, score, *runtime->files.tokenizer));
  return {};
}

void add_many(CLI::App& command, ScoreManyOptions& options) {
  command
      .add_option("FILE", options.files,
                  "texts to score, a file each, as they stand, without harmony; - is standard input")
      ->transform(expanded_path())
      ->check(not_empty());
  command
      .add_option("--lines", options.lines,
                  "texts to score, a line each: as it stands, {\"text\": TEXT} or {\"tokens\": [1, 2]}; - is standard "
                  "input")
      ->transform(expanded_path())
      ->check(not_empty())
      ->type_size(1)
      ->allow_extra_args(false)
      ->type_name("FILE");
  command
      .add_option("--stride", options.stride,
                  "a text longer than --ctx is read in windows of so many tokens that begin every N tokens; each token "
                  "counts once, with --ctx less N tokens before it at least; default: half of --ctx")
      ->check(whole_number(1, 1 << 30))
      ->type_name("N");
}

}  // namespace

void add_score(CLI::App& app, Program& program) {
  auto options = std::make_shared<ScoreOptions>();
  CLI::App* command = app.add_subcommand(
      "score", "Show the probability of every token of a text under a model, or the perplexity of many");
  add_model(*command, options->many.common.model, true);
  add_many(*command, options->many);
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
  add_common_options(*command, options->many.common, program);
  command->callback([options, &program] { program.action = [options, &program] { return run(*options, program); }; });
}

}  // namespace mxpath::cli
