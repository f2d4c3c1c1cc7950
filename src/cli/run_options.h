// What `mxpath run` can be told.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "app/answer.h"
#include "app/conversation.h"
#include "cli/options.h"

namespace mxpath::cli {

enum class Show { automatic, final, all };

struct RunOptions {
  CommonOptions common;
  std::optional<std::string> prompt;  ///< "-": standard input
  std::string tokens;                 ///< file of --tokens
  std::string batch, out;             ///< files of --batch and --out
  std::string prompt_cache;           ///< file of --prompt-cache
  std::optional<double> step_target;  ///< seconds; none: chosen by what steps take
  bool raw = false, no_date = false, no_cache = false;
  bool date_is_today = false;  ///< nobody gave another
  Show show = Show::automatic;
  ConversationOptions conversation;
  int max_new_tokens = 0;
  std::vector<std::string> stops;  ///< texts before which an answer ends
  std::optional<float> temperature, top_p, min_p;
  std::optional<int> top_k;
  std::optional<uint64_t> seed;
};

void add_run_options(CLI::App& command, RunOptions& options);

/// The model's defaults, what was given on the command line over them, and a random seed if none was given.
SamplingOptions sampling_of(const RunOptions& options, const SamplingOptions& defaults);

/// Errors (wrong use): options that contradict each other; a sampling value out of range.
Status check_run_options(const RunOptions& options, bool json);

}  // namespace mxpath::cli
