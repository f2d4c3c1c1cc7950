#include "cli/line_editor.h"

#include <histedit.h>
#include <langinfo.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "app/dirs.h"
#include "base/text.h"
#include "cli/keyboard.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

constexpr int history_length = 1000;
constexpr wchar_t kill_line = 0x15;  // Ctrl-U of the emacs keys

/// Editing counts characters as the locale does; a terminal without one is taken to speak UTF-8.
void set_locale() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

/// "\r\n" in a paste must arrive as what it is: one line end.
void keep_carriage_returns() {
  struct termios mode;
  if (::tcgetattr(STDIN_FILENO, &mode) != 0) return;
  mode.c_iflag &= ~static_cast<tcflag_t>(ICRNL | INLCR);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

/// The prompt and the keyboard belong to the client data of an EditLine.
struct Client {
  std::string prompt;
  Keyboard keyboard;
};

Client& client_of(EditLine* line) {
  void* client = nullptr;
  ::el_get(line, EL_CLIENTDATA, &client);
  return *static_cast<Client*>(client);
}

const char* prompt_of(EditLine* line) { return client_of(line).prompt.c_str(); }

/// One character for libedit. Ctrl-C becomes the key that empties the line: libedit's own way would leave it as it is.
int read_character(EditLine* line, wchar_t* out) {
  std::mbstate_t state{};
  for (;;) {
    char byte = 0;
    bool stopped = false;
    const long count = client_of(line).keyboard.read(byte, stopped);
    if (stopped) return *out = kill_line, 1;
    if (count <= 0) return static_cast<int>(count);
    const size_t used = std::mbrtowc(out, &byte, 1, &state);
    if (used == static_cast<size_t>(-2)) continue;
    if (used == static_cast<size_t>(-1)) *out = L'\uFFFD';
    return 1;
  }
}

/// A paste stands in the line as it is, line ends included.
unsigned char paste(EditLine* line, wint_t) {
  const std::string text = client_of(line).keyboard.read_paste();
  if (!text.empty()) ::el_insertstr(line, text.c_str());
  return CC_REFRESH;
}

/// A line from the terminal's own line mode, where what is typed would show nowhere of ours.
std::optional<std::string> cooked_line() {
  std::string line;
  for (char byte = 0;;) {
    const long count = ::read(STDIN_FILENO, &byte, 1);
    if (count < 0 && errno == EINTR) continue;  // Ctrl-C: the terminal has dropped the line already
    if (count <= 0) return line.empty() ? std::nullopt : std::optional(line);
    if (byte == '\n') return line;
    line += byte;
  }
}

}  // namespace

struct LineEditor::State {
  int shows = typing_shows_on();
  Client client;
  EditLine* line = nullptr;
  History* history = nullptr;
  HistEvent event{};
  std::string prompt, file;
  bool asked = false;  // for a line before

  ~State() {
    if (line) ::el_end(line);
    if (!history) return;
    if (!file.empty()) ::history(history, &event, H_SAVE, file.c_str());
    ::history_end(history);
  }
};

LineEditor::LineEditor(std::unique_ptr<State> state) : state_(std::move(state)) {}
LineEditor::LineEditor(LineEditor&&) noexcept = default;
LineEditor::~LineEditor() = default;

Result<LineEditor> LineEditor::create(const std::string& folder, const std::string& prompt) {
  set_locale();
  auto state = std::make_unique<State>();
  state->prompt = prompt;
  state->line = ::el_init("mxpath", stdin, state->shows == 2 ? stderr : stdout, stderr);
  state->history = ::history_init();
  if (!state->line || !state->history)
    return fail("the terminal cannot be set up for typing; give the question as PROMPT");
  ::history(state->history, &state->event, H_SETSIZE, history_length);
  ::history(state->history, &state->event, H_SETUNIQUE, 1);
  if (!folder.empty() && make_folder(folder).ok()) {
    state->file = folder + "/history";
    // libedit would wait for the other end of a pipe, and change the mode of a device.
    std::error_code ignored;
    const auto there = std::filesystem::status(state->file, ignored);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) state->file.clear();
    else ::history(state->history, &state->event, H_LOAD, state->file.c_str());
  }
  ::el_set(state->line, EL_CLIENTDATA, &state->client);
  ::el_set(state->line, EL_PROMPT, prompt_of);
  ::el_set(state->line, EL_EDITOR, "emacs");
  ::el_set(state->line, EL_HIST, ::history, state->history);
  ::el_wset(state->line, EL_GETCFN, read_character);
  ::el_wset(state->line, EL_ADDFN, L"mxpath-paste", L"Insert a paste",
            paste);  // el_set copies both names and never frees them
  ::el_set(state->line, EL_BIND, std::string(Keyboard::paste_begins).c_str(), "mxpath-paste", nullptr);
  ::el_source(state->line, nullptr);
  return LineEditor(std::move(state));
}

std::optional<std::string> LineEditor::read_line(bool continued) {
  if (state_->shows < 0) return cooked_line();
  state_->client.prompt = continued ? "  " : state_->prompt;
  const BracketedPaste marked;
  // Raw before the prompt shows: libedit would show it first, and a Ctrl-D typed in between would be lost.
  ::el_set(state_->line, EL_PREP_TERM, 1);
  keep_carriage_returns();
  // While the model was loaded nothing else could be meant by Enter; while an answer ran it could.
  if (!continued) state_->client.keyboard.take_what_waits(!std::exchange(state_->asked, true));
  int count = 0;
  const char* text = ::el_gets(state_->line, &count);
  if (!text || count <= 0) return std::nullopt;
  std::string line(text, static_cast<size_t>(count));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  if (!line.empty()) ::history(state_->history, &state_->event, H_ENTER, line.c_str());
  return line;
}

std::optional<std::string> LineEditor::read() {
  std::string all;
  for (bool continued = false;; continued = true) {
    const auto line = read_line(continued);
    if (!line && !continued && state_->shows >= 0) [[maybe_unused]]
      const long ignored = ::write(state_->shows, "\n", 1);
    if (!line) return continued ? std::optional(all) : std::nullopt;
    if (!line->ends_with('\\')) return all + *line;
    all += line->substr(0, line->size() - 1) + "\n";
  }
}

}  // namespace mxpath::cli
