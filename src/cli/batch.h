// `mxpath run --batch`: a file of questions.
#pragma once
#include "cli/run_options.h"

namespace mxpath::cli {

/// Answers the questions of options.batch into options.out, or line by line on standard output. The program's code is 1
/// where a line ended in an error.
Status answer_batch(const RunOptions& options, Program& program);

}  // namespace mxpath::cli
