#include "cli/batch.h"

#include <fmt/format.h>

#include "app/batch.h"
#include "app/batch_file.h"
#include "app/dirs.h"
#include "app/token_file.h"
#include "base/system_file.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/knob_flags.h"
#include "cli/output.h"
#include "cli/prompt_cache.h"
#include "cli/start.h"
#include "cli/terminal.h"
#include "engine/prefix_key.h"

namespace mxpath::cli {
namespace {

/// "12 of 100 lines, 830 tok/s": what a run that was cut short had done does not count for its speed.
std::string figures(const BatchReport& report) {
  const double rate = report.seconds > 0 ? static_cast<double>(report.new_tokens) / report.seconds : 0;
  return fmt::format("{} of {}, {:.{}f} tok/s", report.done(), plural(report.lines, "line"), rate, rate < 100 ? 1 : 0);
}

/// What was done before does not count for the time that is left.
void draw(FiguresBar& bar, const BatchReport& report) {
  bar.draw(figures(report), report.done() - report.before, report.lines - report.before, report.seconds);
}

void report_end(const BatchReport& report, const std::string& out, Program& program) {
  if (report.interrupted && interrupted())
    tell(out.empty() ? "stopped by Ctrl-C" : "stopped by Ctrl-C; the same command goes on from here");
  if (report.before > 0) tell(fmt::format("{} had been answered before", plural(report.before, "line")));
  if (const uint64_t failed = report.failed + report.failed_before; failed > 0) {
    tell(fmt::format("{} of {} ended in an error, which stands in its line", failed, plural(report.lines, "line")));
    program.code = 1;
  }
  write_stderr(fmt::format("{}, prompts {} tokens, answers {} tokens\n", figures(report), report.prompt_tokens,
                           report.new_tokens));
}

/// Answers side by side where the user names no number.
constexpr int usual_batch = 16;

Result<std::string> read_questions(const std::string& path) {
  return path == "-" ? read_standard_input() : read_input(path, input_limit);
}

}  // namespace

Status answer_batch(const RunOptions& options, Program& program) {
  MXPATH_TRY(const std::string text, read_questions(options.batch));
  const auto lines = batch_lines(text);
  if (lines.empty()) return fail("{}: there is no question in it", printable(options.batch));
  if (!options.out.empty()) {  // before a model is loaded
    MXPATH_TRY([[maybe_unused]] const auto file, BatchFile::open(options.out, lines, ""));
  }
  MXPATH_TRY(ModelFiles files, find_model(options.common.model, false));
  CommonOptions common = options.common;
  if (common.policy.sequences == 0) common.policy.sequences = usual_batch;
  MXPATH_TRY(const auto runtime, start_visibly(std::move(files), common, {}, 0, options.out.empty()));
  const AnswerOptions how = answer_options(options, runtime->files);
  FiguresBar bar;
  BatchOptions batch;
  batch.defaults = {.conversation = options.conversation,
                    .sampling = how.sampling,
                    .max_new_tokens = how.max_new_tokens,
                    .stop = how.stops,
                    .seed_is_drawn = !options.seed,
                    .date_is_today = options.date_is_today};
  batch.model = prefix_key(*runtime->loaded, version()).model;
  batch.out = options.out, batch.step_target = options.step_target.value_or(0), batch.go_on = how.go_on,
  batch.wording = flag_wording;
  batch.progress = [&bar](const BatchReport& report) { draw(bar, report); };
  batch.write = [&bar](std::string_view line) {
    bar.clear();
    print(fmt::format("{}\n", line));
    return Status();  // a failed write is told at the end of the program, and go_on sees it
  };
  return with_prompt_cache(options.prompt_cache, *runtime, [&]() -> Status {
    CatchInterrupt catching;
    MXPATH_TRY(const BatchReport report, run_batch(runtime->session.executor(), runtime->files, lines, batch));
    bar.clear();
    report_end(report, options.out, program);
    return {};
  });
}

}  // namespace mxpath::cli
