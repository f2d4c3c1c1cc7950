// `mxpath diagnose`: from a failure log to the cause and the way out.
#include "diagnose/diagnose.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/dirs.h"
#include "app/machine_here.h"
#include "app/reports/plan_summary.h"
#include "base/json.h"
#include "base/system_file.h"
#include "base/text.h"
#include "checkpoint/random_checkpoint.h"
#include "cli/choice.h"
#include "cli/language_option.h"
#include "cli/options.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

constexpr int cannot_tell = 4;

struct DiagnoseOptions {
  std::string log = "-", checkpoint, machine, versions;
  diagnose::Language language = diagnose::Language::en;
  bool verbose = false;
};

/// What --checkpoint says: a folder, its config.json, or a name in the Hugging Face cache.
Result<std::string> read_config(const std::string& checkpoint, std::string& path) {
  MXPATH_TRY(const std::string folder, locate_model(checkpoint, model_places()));
  path = folder + "/config.json";
  return read_config_text(path);
}

Status add_checkpoint(diagnose::Facts& facts, const DiagnoseOptions& options, ModelConfig& config) {
  if (options.checkpoint.empty()) return {};
  std::string path;
  MXPATH_TRY(const std::string text, read_config(options.checkpoint, path));
  MXPATH_TRY(facts.mxfp4_checkpoint, diagnose::mxfp4_from_config(text, path));
  facts.checkpoint = options.checkpoint;
  // Another model than gpt-oss still decides about quantization_config.
  if (auto parsed = parse_config(text, path); parsed.ok()) config = std::move(parsed).value();
  return {};
}

Result<diagnose::Facts> facts_of(const DiagnoseOptions& options) {
  diagnose::Facts facts;
  ModelConfig config = gpt_oss_20b_config();
  MXPATH_CHECK(add_checkpoint(facts, options, config));
  MXPATH_TRY(facts.versions, diagnose::parse_versions(options.versions));
  if (options.machine.empty()) return facts;
  MXPATH_TRY(facts.machine, machine_named(options.machine));
  const auto plan = plan_for_config(config, facts.checkpoint, *facts.machine);
  if (plan.ok()) facts.mxpath_here = plan_in_a_sentence(*plan, options.language);
  return facts;
}

Result<diagnose::Diagnosis> read_log(const DiagnoseOptions& options, const diagnose::Facts& facts) {
  if (options.log == "-") {
    if (is_terminal(STDIN_FILENO)) tell("reading the log from the terminal; Ctrl-D ends it");
    return diagnose::diagnose_descriptor(STDIN_FILENO, facts, options.language);
  }
  MXPATH_TRY(const SystemFile file, open_input(options.log));
  auto diagnosis = diagnose::diagnose_descriptor(file.fd(), facts, options.language);
  if (!diagnosis.ok()) return fail("{}: {}", options.log, diagnosis.error().message);
  return diagnosis;
}

Status run(const DiagnoseOptions& options, Program& program) {
  MXPATH_TRY(const diagnose::Facts facts, facts_of(options));
  MXPATH_TRY(const diagnose::Diagnosis diagnosis, read_log(options, facts));
  if (program.json) print_json(to_json(diagnosis));
  else print(to_text(diagnosis, options.language));
  program.code = exit_code(diagnosis);
  return {};
}

}  // namespace

void add_diagnose(CLI::App& app, Program& program) {
  auto options = std::make_shared<DiagnoseOptions>();
  CLI::App* command = app.add_subcommand(
      "diagnose",
      "Say what a failure log means and what to do; exit 0 finding, 1 no failure, 4 cannot tell or cannot read it");
  command->add_option("LOG", options->log, "the log: a file, plain or gzip; - or nothing: standard input")
      ->transform(expanded_path());
  command
      ->add_option("--checkpoint", options->checkpoint,
                   "the model that was loaded: its config.json decides what the log cannot")
      ->type_name("DIR|NAME");
  command->add_option("--machine", options->machine, "where it ran: a JSON file, or a name such as h100")
      ->check(not_empty())
      ->type_name("FILE|NAME");
  command->add_option("--versions", options->versions, "what was installed there: \"triton=3.5.1 kernels=absent\"")
      ->type_name("LIST");
  add_language_option(*command, options->language);
  add_output_options(*command, options->verbose, program);
  command->callback([options, &program] {
    program.failed_code = cannot_tell;  // 1 says that the log was read and holds no failure
    program.action = [options, &program] { return run(*options, program); };
  });
}

}  // namespace mxpath::cli
