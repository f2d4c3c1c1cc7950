#include "cli/chat.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/dirs.h"
#include "app/pretty_json.h"
#include "base/expand_path.h"
#include "base/nearest.h"
#include "base/text.h"
#include "checkpoint/new_file.h"
#include "cli/answer_printer.h"
#include "cli/interrupt.h"
#include "cli/keep_typed.h"
#include "cli/knob_flags.h"
#include "cli/line_editor.h"
#include "cli/start.h"
#include "cli/terminal.h"
#include "plan/explain.h"

namespace mxpath::cli {
namespace {

constexpr std::string_view help =
    "/help               this list\n"
    "/reset              forget the conversation\n"
    "/effort LEVEL       low, medium or high: how much the model reasons\n"
    "/show WHAT          final: the answer alone; all: its analysis too\n"
    "/plan               the paths that run, and why the others do not\n"
    "/save FILE          write the conversation (as JSON if FILE ends in .json)\n"
    "/quit               leave, as Ctrl-D does\n"
    "Ctrl-C stops an answer; a \\ at the end of a line continues it on the next. What you paste, or type while an "
    "answer runs,\n"
    "stays in the line until you press Enter.\n";

struct Chat {
  RunOptions options;
  Runtime& runtime;
  Conversation conversation;
  bool leave = false;
};

using Command = Status (*)(Chat& chat, std::string_view argument);

Status show_help(Chat&, std::string_view) { return print(help), Status(); }
Status quit(Chat& chat, std::string_view) { return chat.leave = true, Status(); }
Status show_plan(Chat& chat, std::string_view) {
  return print(in_flags(explain(chat.runtime.plan(), chat.options.common.verbose))), Status();
}

Status reset(Chat& chat, std::string_view) {
  chat.conversation.reset();
  print("the conversation is forgotten\n");
  return {};
}

Status set_effort(Chat& chat, std::string_view argument) {
  MXPATH_TRY(const harmony::Effort effort, harmony::parse_effort(argument));
  chat.conversation.set_effort(effort);
  print(fmt::format("reasoning effort: {}\n", name_of(effort)));
  return {};
}

Status set_show(Chat& chat, std::string_view argument) {
  if (argument != "final" && argument != "all") {
    constexpr std::string_view words[] = {"final", "all"};
    return wrong_use("/show {}{}: choose final or all", printable(argument), nearest_note(argument, words));
  }
  chat.options.show = argument == "all" ? Show::all : Show::final;
  return {};
}

Status save(Chat& chat, std::string_view argument) {
  const std::string path = expanded_unless_there(argument);
  if (path.empty()) return wrong_use("/save needs the name of a file");
  const auto messages = chat.conversation.messages();
  MXPATH_CHECK(write_new_file(path, path.ends_with(".json") ? pretty(to_json(messages)) + "\n" : to_text(messages)));
  print(fmt::format("written to {}\n", path));
  return {};
}

constexpr std::pair<std::string_view, Command> commands[] = {
    {"/help", show_help}, {"/reset", reset}, {"/effort", set_effort}, {"/show", set_show},
    {"/plan", show_plan}, {"/save", save},   {"/quit", quit},         {"/exit", quit}};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Status run_command(Chat& chat, std::string_view line) {
  const auto space = line.find(' ');
  const std::string_view word = line.substr(0, space), argument = space == line.npos ? "" : trimmed(line.substr(space));
  for (const auto& [name, command] : commands)
    if (name == word) return command(chat, argument);
  std::vector<std::string_view> known;
  for (const auto& [name, command] : commands) known.push_back(name);
  return wrong_use("{}: no such command{}; /help lists them", printable(word), nearest_note(word, known));
}

/// A first line that names a command of the chat; other text may begin with a slash too.
bool is_command(std::string_view line) {
  return line.starts_with('/') && line.find('\n') == line.npos &&
         line.substr(0, line.find(' ')).find('/', 1) == line.npos;
}

/// What helps where `text` and all before it are too long: only what is possible, and enough.
std::string what_would_fit(const Chat& chat, std::string_view text, size_t tokens) {
  const int context = chat.runtime.plan().context, most = chat.runtime.files.manifest.config.max_positions;
  Conversation fresh = chat.conversation;
  fresh.reset();
  const auto alone = fresh.prompt(*chat.runtime.files.tokenizer, text);
  const bool fits_alone = alone.ok() && alone->size() < static_cast<size_t>(context);
  const bool longer = context < most && tokens < static_cast<size_t>(most);
  return fmt::format(
      "{}{}", fits_alone ? "/reset begins a new one" : "send a shorter message",
      longer ? fmt::format(", or start again with --ctx {} or more", std::min(tokens + usual_answer, size_t(most)))
             : "");
}

Status answer(Chat& chat, std::string_view text) {
  Runtime& runtime = chat.runtime;
  MXPATH_TRY(const auto prompt, chat.conversation.prompt(*runtime.files.tokenizer, text));
  if (prompt.size() >= static_cast<size_t>(runtime.plan().context))
    return fail(
        "the conversation has {} with this message, but the context holds {}, which leaves no room for an answer; {}",
        plural(prompt.size(), "token"), runtime.plan().context, what_would_fit(chat, text, prompt.size()));
  AnswerOptions how = answer_options(chat.options, runtime.files);
  AnswerPrinter printer(printer_options(chat.options.show));
  ProgressBar bar;
  how.on_delta = std::ref(printer), how.progress = bar.callback();
  const KeepTyped keep;
  auto asked = answer_chat(runtime.session, *runtime.files.tokenizer, prompt, how);
  bar.clear();
  printer.finish();
  MXPATH_TRY(Answer answer, std::move(asked));
  const bool full = answer.generation.reason == EndReason::context;
  report_end(answer, runtime, how, chat.options.common.verbose, how_to_see_reasoning(chat.options.show, true));
  if (full) tell("/reset begins a new conversation");
  chat.conversation.add_turn(text, std::move(answer.messages));
  return {};
}

void take_turn(Chat& chat, const std::string& line) {
  const std::string_view text = trimmed(line);
  if (text.empty()) return;
  clear_interrupt();
  const Status status = is_command(text) ? run_command(chat, text) : answer(chat, text);
  if (!status.ok()) tell(status.error().message);
  print("\n");
}

}  // namespace

Status chat(const RunOptions& options, Runtime& runtime) {
  CatchInterrupt catching;
  MXPATH_TRY(LineEditor editor, LineEditor::create(state_folder(), "> "));
  Chat state{options, runtime, Conversation(options.conversation)};
  print("/help lists the commands; Ctrl-D leaves.\n\n");
  while (!state.leave) {
    clear_interrupt();
    const auto line = editor.read();
    if (!line) break;
    take_turn(state, *line);
  }
  clear_interrupt();
  return {};
}

}  // namespace mxpath::cli
