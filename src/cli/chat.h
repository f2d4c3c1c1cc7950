// The conversation behind `mxpath run` on a terminal.
#pragma once
#include "app/runtime.h"
#include "cli/run_options.h"

namespace mxpath::cli {

/// Reads, answers, and reads again, until Ctrl-D or /quit. Ctrl-C stops an answer; at the prompt it clears the line.
Status chat(const RunOptions& options, Runtime& runtime);

}  // namespace mxpath::cli
