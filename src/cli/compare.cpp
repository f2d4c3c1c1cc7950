// `mxpath compare`: what each format of weights, or of keys and values, costs and gives.
#include "app/reports/compare.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "app/dirs.h"
#include "app/planner.h"
#include "app/token_file.h"
#include "base/json.h"
#include "base/system_file.h"
#include "base/text.h"
#include "checkpoint/new_file.h"
#include "cli/choice.h"
#include "cli/knob_flags.h"
#include "cli/start.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

constexpr int problems_of_each_kind = 10;
constexpr int most_positions = 1 << 16;

struct CompareCommand {
  CommonOptions common;
  CompareOptions compare;
  std::string prompts, plot;
  int problems = problems_of_each_kind;
};

/// The prompts of the file; else the model's own kind of problem, if it brings any; else the built-in ones.
Result<std::vector<ComparePrompt>> prompts_of(const CompareCommand& command,
                                              const std::vector<CompareProblem>& problems) {
  if (!command.prompts.empty()) {
    MXPATH_TRY(const std::string text,
               command.prompts == "-" ? read_standard_input() : read_input(command.prompts, input_limit));
    return parse_prompts(text, command.prompts == "-" ? "standard input" : command.prompts);
  }
  std::vector<ComparePrompt> prompts;
  for (const CompareProblem& problem : some_of_each_kind(problems, 2)) prompts.push_back({problem.prompt, false});
  return prompts.empty() ? default_prompts() : prompts;
}

/// The report with its verdict; the plot comes after it, so that nothing measured is lost with a plot that cannot be
/// written.
Status show(const CompareReport& report, const CompareCommand& command, Program& program) {
  const Status verdict = check_compare(report, command.compare);
  if (program.json) print_json(report_in_flags(compare_json(report)), verdict, program);
  else print(in_flags(compare_text(report)));
  if (command.plot.empty()) return verdict;
  Status drawn = write_new_file(command.plot, compare_svg(report));
  if (verdict.ok()) return drawn;
  if (!drawn.ok()) tell(drawn.error().message);
  return verdict;
}

Status run(const CompareCommand& command, Program& program) {
  CompareOptions options = command.compare;
  if (!command.plot.empty()) MXPATH_CHECK(check_new_file(command.plot));
  if (std::ranges::count(options.kv, "all")) options.kv = {"fp32", "fp16", "bf16", "fp8-e4m3", "int8"};
  MXPATH_TRY(const ModelFiles files, find_model(command.common.model, false));
  for (const std::string& decision : files.manifest.decisions) tell(decision);
  MXPATH_TRY(const auto problems, read_problems(files.folder));
  MXPATH_TRY(options.prompts, prompts_of(command, problems));
  options.problems = some_of_each_kind(problems, command.problems);
  ProgressBar bar;
  options.notice = [&](const std::string& text) { bar.clear(), tell(text); };
  options.progress = [&, draw = bar.callback()](std::string_view what) -> Progress {
    if (!draw) return {};
    return [draw, prefix = std::string(what)](std::string_view step, uint64_t done, uint64_t total) {
      draw(prefix + std::string(step), done, total);
    };
  };
  MXPATH_TRY(const CompareReport report,
             compare(files, machine_for(files.manifest, command.common.policy, Measure::never), command.common.policy,
                     options));
  bar.clear();
  return show(report, command, program);
}

/// "int8,bf16" and several options alike, in the place of one value; checked when all are known.
void add_list(CLI::App& command, const std::string& name, std::vector<std::string>& values, const std::string& text) {
  command.remove_option(command.get_option(name));
  command.add_option(name, values, text)
      ->type_name("FORMAT,…")
      ->type_size(1)
      ->allow_extra_args(false)
      ->delimiter(',')
      ->group("Planning");
}

void add_formats(CLI::App& command, CompareOptions& compare) {
  std::string all;
  for (std::string_view name : weights_choices()) all += fmt::format("{}{}", all.empty() ? "" : ", ", name);
  add_list(command, "--weights", compare.weights,
           fmt::format("formats of the experts to compare; default: all of {}, or with --kv as-stored alone", all));
  add_list(command, "--kv", compare.kv,
           "formats of keys and values to compare, each with each of --weights: bf16, fp16, fp32, fp8-e4m3, int8, or "
           "all; default: bf16 alone");
}

}  // namespace

void add_compare(CLI::App& app, Program& program) {
  auto options = std::make_shared<CompareCommand>();
  CLI::App* command = app.add_subcommand(
      "compare", "Compare formats of weights, keys and values: memory, distance from the FP32 forward, speed, answers");
  add_model(*command, options->common.model, true);
  add_common_options(*command, options->common, program);
  add_formats(*command, options->compare);
  command
      ->add_option("--prompts", options->prompts,
                   "one prompt per line, or {\"prompt\": \"…\"} or {\"text\": \"…\"} (read as it stands); - is "
                   "standard input; default: a "
                   "built-in few")
      ->transform(expanded_path())
      ->check(not_empty())
      ->type_name("FILE");
  command->add_option("--positions", options->compare.positions, "next-token distributions to compare (default 256)")
      ->check(whole_number(1, most_positions))
      ->type_name("N");
  command
      ->add_option("--problems", options->problems,
                   "problems of each kind to solve, where the model brings some (default 10)")
      ->check(whole_number(0, 1 << 20))
      ->type_name("N");
  command->add_option("--plot", options->plot, "also write an SVG plot of size against KL")
      ->transform(expanded_path())
      ->check(not_empty())
      ->type_name("FILE");
  command->callback([options, &program] { program.action = [options, &program] { return run(*options, program); }; });
}

}  // namespace mxpath::cli
