#include "cli/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

#include "app/dirs.h"
#include "app/pretty_json.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/one_line.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/knob_flags.h"
#include "cli/lost_file.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

constexpr AddCommand commands[] = {add_run,     add_serve, add_plan,    add_inspect, add_score,
                                   add_compare, add_bench, add_convert, add_doctor,  add_diagnose};

constexpr const char* footer =
    "Without a command, mxpath prints this help; `mxpath run` alone starts a chat with the demo model.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong use, 3 refused by --strict, 130 stopped by Ctrl-C.";

/// What was typed and is longer than a sentence should quote; with it the value of --flag=value.
std::vector<std::string_view> long_words;

void note_long_words(int argc, char** argv) {
  constexpr size_t longest = 400;  // as shortened() has it
  for (int i = 1; i < argc; ++i)
    for (std::string_view word = argv[i]; word.size() > longest; word = word.substr(word.find('=') + 1)) {
      long_words.push_back(word);
      if (!word.starts_with("--") || word.find('=') == word.npos) break;
    }
}

/// A message as it is told: with flags, on one line, and not longer for what was typed.
std::string as_told(std::string_view told) {
  std::string message = in_flags(told);
  for (const std::string_view word : long_words)
    for (size_t at; (at = message.find(word)) != message.npos;) message.replace(at, word.size(), shortened(word));
  return one_line(message);
}

void report(const Program& program, const std::string& message) {
  tell(message);
  if (program.json && !program.error_reported) print_json(Json{{"error", {{"message", as_told(message)}}}});
}

/// A full disk or a closed pipe must not look like success.
int finish(int code, int failed_code = exit_code(ErrorKind::failed)) {
  const int error = output_error();
  if (error == 0 || code != 0) return code;
  tell(fmt::format("standard output cannot be written: {}",
                   error == ENOSPC ? "the disk is full" : std::strerror(error)));
  return failed_code;
}

/// The subcommand that was named, for the hint to its help.
std::string command_of(const CLI::App& app) {
  const auto named = app.get_subcommands();
  return named.empty() ? "" : named.front()->get_name() + " ";
}

/// "" unless the first word is no command.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  return fmt::format("{}: no such command{}", printable(argv[1]),
                     nearest_note(argv[1], std::vector<std::string_view>(names.begin(), names.end())));
}

/// "" unless a word that looks like an option is none of the command's.
std::string unknown_option(const CLI::App& app) {
  const auto named = app.get_subcommands();
  const CLI::App& command = named.empty() ? app : *named.front();
  for (const std::string& word : app.remaining(true)) {  // what no command takes is left to the program
    if (!word.starts_with('-')) continue;
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options(nullptr))
      if (!option->get_lnames().empty()) names.push_back("--" + option->get_lnames().front());
    return fmt::format(
        "{}: no such option{}", printable(word),
        nearest_note(word.substr(0, word.find('=')), std::vector<std::string_view>(names.begin(), names.end())));
  }
  return "";
}

/// --help and --version.
int show_what_was_asked(const CLI::App& app, const CLI::ParseError& error) {
  print(error.get_name() == "CallForVersion" ? std::string(error.what()) + "\n" : app.help());
  return finish(0);
}

int report_parse_error(const CLI::App& app, const CLI::ParseError& error, Program& program, int argc, char** argv) {
  if (error.get_exit_code() == 0) return show_what_was_asked(app, error);
  for (int i = 1; i < argc; ++i) program.json |= std::strcmp(argv[i], "--json") == 0;
  std::string message = command_of(app).empty() ? unknown_command(app, argc, argv) : "";
  const bool extra =
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);  // its name is the command's
  if (message.empty() && extra) message = unknown_option(app);
  if (message.empty()) message = error.what();
  while (!message.empty() && (message.back() == '\n' || message.back() == '.')) message.pop_back();
  report(program, fmt::format("{} (`mxpath {}--help` lists what there is)", message, command_of(app)));
  return finish(exit_code(ErrorKind::wrong_use));
}

int run_action(Program& program) {
  if (program.json) tell_lost_files_as_json();
  const Status status = program.action();
  if (status.ok()) return finish(interrupted() ? interrupted_exit_code : program.code, program.failed_code);
  report(program, status.error().message);
  const ErrorKind kind = status.error().kind;
  return finish(kind == ErrorKind::failed ? program.failed_code : exit_code(kind));
}

int parse_and_run(CLI::App& app, Program& program, int argc, char** argv) {
  app.set_version_flag("--version", fmt::format("mxpath {}", version()));
  app.footer(footer);
  app.require_subcommand(0, 1);
  add_commands(app, program);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error, program, argc, argv);
  }
  if (program.action) return run_action(program);
  print(app.help());
  return finish(0);
}

/// Only advice that the command can take.
std::string no_memory_left(const CLI::App& app) {
  const auto named = app.get_subcommands();
  const bool has_context = !named.empty() && named.front()->get_option_no_throw("--ctx") != nullptr;
  return fmt::format(
      "no memory is left for what was asked; close other programs, raise the limit if there is one (ulimit -v){}",
      has_context ? ", or choose a smaller model or --ctx" : "");
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

void print(std::string_view text) {
  static const bool terminal = is_terminal(STDOUT_FILENO);
  if (terminal) write_stdout(terminal_visible(text));
  else write_stdout(text);
}
void print_as_is(std::string_view text) { write_stdout(text); }
void print_json(const Json& json) { print(pretty(json) + "\n"); }
void print_json(Json report, const Status& verdict, Program& program) {
  if (!verdict.ok()) report["error"] = {{"message", as_told(verdict.error().message)}};
  program.error_reported = true;
  print_json(report);
}
void tell(std::string_view text) { write_stderr(fmt::format("mxpath: {}\n", as_told(text))); }

int run_program(int argc, char** argv) {
  Program program;
  CLI::App app(
      "mxpath runs OpenAI's gpt-oss models on the machine you have: it picks a kernel path for every operation and "
      "says why.",
      "mxpath");
  std::string message;
  try {
    note_long_words(argc, argv);
    return parse_and_run(app, program, argc, argv);
  } catch (const std::bad_alloc&) {
    message = no_memory_left(app);
  } catch (const std::exception& error) {
    message = fmt::format("stopped by an error that it did not expect ({}); please report it with the command line",
                          error.what());
  }
  report(program, message);
  return finish(program.failed_code);
}

}  // namespace mxpath::cli
