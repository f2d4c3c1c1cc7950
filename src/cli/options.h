// Options that several commands share, turned into a Policy once.
#pragma once
#include <string>

#include "cli/program.h"
#include "plan/policy.h"

namespace mxpath::cli {

struct CommonOptions {
  std::string model = "demo";
  Policy policy;
  bool verbose = false;
};

/// Whether --sequences is the policy's, or the command has one of its own.
enum class Sequences { of_policy, own };

/// MODEL, the words of the policy, --json and -v. The App must not outlive the other two.
void add_common_options(CLI::App& command, CommonOptions& options, Program& program,
                        Sequences sequences = Sequences::of_policy);
void add_model(CLI::App& command, std::string& model, bool required);
/// --json and -v alone: for commands that load nothing.
void add_output_options(CLI::App& command, bool& verbose, Program& program);

/// Turns an error into CLI11's, inside a callback of an option.
void or_throw(const Status& status);

}  // namespace mxpath::cli
