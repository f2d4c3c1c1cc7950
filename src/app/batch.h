// Many questions from a file, answered side by side, in order.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/batch_file.h"
#include "app/batch_line.h"
#include "base/hint.h"
#include "engine/executor.h"

namespace mxpath {

struct BatchReport {
  uint64_t lines = 0;                                            ///< of input
  uint64_t before = 0, failed_before = 0;                        ///< answers that the file held already; errors of them
  uint64_t answered = 0, failed = 0;                             ///< in this run; failed: their line is an error
  int64_t prompt_tokens = 0, reused_tokens = 0, new_tokens = 0;  ///< new_tokens: those of unfinished answers too
  double seconds = 0;
  bool interrupted = false;
  uint64_t done() const { return before + answered + failed; }
};

struct BatchOptions {
  BatchDefaults defaults;
  uint64_t model = 0;  ///< a hash of the model
  std::string out;  ///< file that answers are appended to, and that a run that was cut short goes on with; "": `write`
  double step_target = 0;  ///< seconds that a step may take while answers wait for it; 0: StepLoopOptions' own
  std::function<Status(std::string_view line)> write = {};  ///< takes a line without its end; an error ends the run
  std::function<bool()> go_on = {};  ///< asked before each step; false: stop, what is written stays
  std::function<void(const BatchReport&)> progress = {};  ///< after each step
  Wording wording = plain_wording;                        ///< of knobs in the errors of lines
};

/// The lines of a text, without those that hold nothing but blanks.
std::vector<BatchInput> batch_lines(std::string_view text);

/// A hash of what an answer follows from besides its line: the model, told by a hash of it (prefix_key), and the
/// defaults. A seed that was drawn and a day that is today's do not count, so that a run can be gone on with.
std::string batch_settings(uint64_t model, const BatchDefaults& defaults);

/// Answers each line (parse_batch_line) in one line of JSON: {"index", "id", "input": hash of the line, "settings":
/// hash, "text", "analysis", "messages", "reasoning_tokens", "tokens" (where the line gave tokens), "stop_reason",
/// "prompt_tokens", "new_tokens", "seed"}, or {"index", "id", "input", "settings", "error": a sentence}. Errors: those
/// of the file, and an executor that is lost; lines that it took down are not written, so that another run answers
/// them. A line says nothing that depends on when it was answered, so a run that was cut short ends with the same file.
Result<BatchReport> run_batch(Executor& executor, const ModelFiles& files, std::span<const BatchInput> lines,
                              const BatchOptions& options);

}  // namespace mxpath
