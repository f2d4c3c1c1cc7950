// `mxpath score MODEL FILE…`: the perplexity of many texts.
#pragma once
#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/program.h"

namespace mxpath::cli {

struct ScoreManyOptions {
  CommonOptions common;
  std::vector<std::string> files, lines;
  int stride = 0;  ///< 0: half the context
};

/// Prints a line for each text as soon as those before it have theirs, then the figures of all.
Status score_many(const ScoreManyOptions& options, Program& program);

}  // namespace mxpath::cli
