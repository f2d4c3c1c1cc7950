// What run and score do alike: find a model, show the plan, load with a progress bar, and say how it went.
#pragma once
#include <memory>
#include <span>

#include "app/answer.h"
#include "app/runtime.h"
#include "cli/answer_printer.h"
#include "cli/run_options.h"

namespace mxpath::cli {

/// open_model_files, with a hint where the only word given looks like a question and not like a model.
Result<ModelFiles> find_model(const std::string& model, bool only_word);

/// Checks the prompt against the plan (unless empty), with room for `answer` tokens behind it (check_prompt), prints
/// the plan above what follows (not when `quiet`), loads.
Result<std::unique_ptr<Runtime>> start_visibly(ModelFiles files, const CommonOptions& options,
                                               std::span<const Token> prompt, int answer, bool quiet);

PrinterOptions printer_options(Show show);
/// Sampling, limits and Ctrl-C.
AnswerOptions answer_options(const RunOptions& options, const ModelFiles& files);
/// Why a user has nothing to read: how the turn ended, after how much reasoning, and what to do. No sentence for an
/// answer that has text.
std::string why_no_text(const Answer& answer, const Runtime& runtime, const AnswerOptions& how,
                        std::string_view see_reasoning);
/// What prints the reasoning, for the end of a sentence; "" where it is printed already.
std::string_view how_to_see_reasoning(Show show, bool in_chat);
/// Writes to standard error why the answer ended before its end, or has no text (`see_reasoning`: none where it is no
/// chat's answer), and the line of figures.
void report_end(const Answer& answer, const Runtime& runtime, const AnswerOptions& how, bool verbose,
                std::optional<std::string_view> see_reasoning);

}  // namespace mxpath::cli
