#include "interfaces/cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <new>

#include "base/json.h"
#include "base/text.h"
#include "interfaces/cli/interrupt.h"
#include "interfaces/places.h"
#include "interfaces/pretty_json.h"

namespace mxpath::cli {
namespace {

constexpr AddCommand commands[] = {add_run,   add_plan,    add_inspect, add_score,   add_compare,
                                   add_bench, add_convert, add_doctor,  add_diagnose};

constexpr const char* footer =
    "Without a command there is only this help; `mxpath run` alone talks to the demo model.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong use, 3 refused by --strict, 130 stopped by Ctrl-C.";

void report(const Program& program, const std::string& message) {
  tell(message);
  if (program.json && !program.error_reported) print_json(Json{{"error", {{"message", message}}}});
}

/// A full disk or a closed pipe must not look like success.
int finish(int code) {
  const bool written = std::fflush(stdout) == 0 && !std::ferror(stdout);
  if (written || code != 0) return code;
  tell("standard output cannot be written; is the disk full?");
  return exit_code(ErrorKind::failed);
}

/// The subcommand that was named, for the hint to its help.
std::string command_of(const CLI::App& app) {
  const auto named = app.get_subcommands();
  return named.empty() ? "" : named.front()->get_name() + " ";
}

/// "" unless the first word is no command.
std::string unknown_command(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  return fmt::format("{}: no such command", printable(argv[1]));
}

int report_parse_error(const CLI::App& app, const CLI::ParseError& error, Program& program, int argc, char** argv) {
  if (error.get_exit_code() == 0) return finish(app.exit(error));  // --help and --version
  for (int i = 1; i < argc; ++i) program.json |= std::strcmp(argv[i], "--json") == 0;
  std::string message = command_of(app).empty() ? unknown_command(argc, argv) : "";
  if (message.empty()) message = error.what();
  while (!message.empty() && (message.back() == '\n' || message.back() == '.')) message.pop_back();
  report(program, fmt::format("{} (`mxpath {}--help` lists what there is)", message, command_of(app)));
  return finish(exit_code(ErrorKind::wrong_use));
}

int run_action(Program& program) {
  const Status status = program.action();
  if (status.ok()) return finish(interrupted() ? interrupted_exit_code : program.code);
  report(program, status.error().message);
  return finish(exit_code(status.error().kind));
}

}  // namespace

void add_commands(CLI::App& app, Program& program) {
  for (AddCommand add : commands) add(app, program);
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed: return 1;
    case ErrorKind::wrong_use: return 2;
    case ErrorKind::refused: return 3;
  }
  return 1;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void print_json(const Json& json) { print(pretty(json) + "\n"); }
void print_json(Json report, const Status& verdict, Program& program) {
  if (!verdict.ok()) report["error"] = {{"message", verdict.error().message}};
  program.error_reported = true;
  print_json(report);
}
void tell(std::string_view text) {
  std::fflush(stdout);
  fmt::print(stderr, "mxpath: {}\n", text);
}

int run_program(int argc, char** argv) {
  CLI::App app("mxpath runs OpenAI's gpt-oss models on the machine you have: it picks a kernel path for every operation and says why.",
               "mxpath");
  Program program;
  app.set_version_flag("--version", fmt::format("mxpath {}", version()));
  app.footer(footer);
  app.require_subcommand(0, 1);
  add_commands(app, program);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error, program, argc, argv);
  }
  if (!program.action) {
    print(app.help());
    return finish(0);
  }
  try {
    return run_action(program);
  } catch (const std::bad_alloc&) {
    report(program, "this computer has no memory left; choose a smaller --ctx or a smaller model");
    return finish(exit_code(ErrorKind::failed));
  }
}

}  // namespace mxpath::cli
