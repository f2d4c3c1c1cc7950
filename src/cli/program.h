// The command line as a table of commands.
#pragma once
#include <functional>
#include <string>

#include "base/json_fwd.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace mxpath::cli {

/// What the chosen command leaves for the program to do.
struct Program {
  std::function<Status()> action;  ///< set by the command that was named
  bool json = false;               ///< reports, and errors too, are JSON on standard output
  int code = 0;                    ///< exit code of a command that succeeds but has more to say than yes
  int failed_code = 1;             ///< exit code of ErrorKind::failed, for a command whose 1 means something else
  bool error_reported = false;     ///< the command's own JSON report holds its error
};

/// Adds a subcommand with its options; its callback sets program.action.
using AddCommand = void (*)(CLI::App& app, Program& program);
void add_run(CLI::App& app, Program& program);
void add_serve(CLI::App& app, Program& program);
void add_plan(CLI::App& app, Program& program);
void add_inspect(CLI::App& app, Program& program);
void add_score(CLI::App& app, Program& program);
void add_bench(CLI::App& app, Program& program);
void add_convert(CLI::App& app, Program& program);
void add_compare(CLI::App& app, Program& program);
void add_doctor(CLI::App& app, Program& program);
void add_diagnose(CLI::App& app, Program& program);
/// All of them, in the order of the help.
void add_commands(CLI::App& app, Program& program);

/// Exit code: 0 done, 1 failed, 2 wrong use, 3 refused by --strict; 130 when Ctrl-C ended an answer; diagnose has its
/// own. Throws nothing.
int run_program(int argc, char** argv);
int exit_code(ErrorKind kind);
inline constexpr int interrupted_exit_code = 130;

/// Writes to standard output; a failed write is told at the end of the program. On a terminal, control characters in it
/// are made visible: text of files and models cannot move the cursor. Into a pipe or a file it goes as it is.
void print(std::string_view text);
/// Without that: for our own terminal codes, and for text that is safe already.
void print_as_is(std::string_view text);
/// One JSON document and a line end. Text that is not UTF-8 (file names) is made so.
void print_json(const Json& json);
/// A report that was made and still ends in an error: the error stands in it.
void print_json(Json report, const Status& verdict, Program& program);
/// `mxpath: {text}` on standard error, on one line; lost where that cannot be written.
void tell(std::string_view text);

}  // namespace mxpath::cli
