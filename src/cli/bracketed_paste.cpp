#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "cli/keyboard.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

constexpr std::string_view on = "\x1b[?2004h", off = "\x1b[?2004l";
constexpr int signals[] = {SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

bool active = false, has_before = false;
int shows = STDOUT_FILENO;
struct termios before, while_typing;
struct sigaction actions_before[std::size(signals)];

void write_out(std::string_view code) {
  [[maybe_unused]] const auto ignored = ::write(shows, code.data(), code.size());
}

// Only what a signal handler may call.
void on_signal(int number) {
  const int saved = errno;
  write_out(off);
  ::tcgetattr(STDIN_FILENO, &while_typing);
  if (has_before) ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  struct sigaction action = {}, mine = {};
  action.sa_handler = SIG_DFL;
  ::sigaction(number, &action, &mine);
  sigset_t set;
  ::sigemptyset(&set), ::sigaddset(&set, number);
  ::raise(number);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  // Here only after a stop: the program is in the foreground again.
  ::sigaction(number, &mine, nullptr);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &while_typing);
  write_out(on);
  errno = saved;
}

bool may_mark() {
  const char* term = std::getenv("TERM");
  return typing_shows_on() >= 0 && is_terminal(STDIN_FILENO) && term && *term && std::string_view(term) != "dumb";
}

}  // namespace

BracketedPaste::BracketedPaste() {
  if (!may_mark()) return;
  shows = typing_shows_on();
  if (!has_before) has_before = ::tcgetattr(STDIN_FILENO, &before) == 0;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(signals); ++i) ::sigaction(signals[i], &action, &actions_before[i]);
  write_out(on);
  active = true;
}

BracketedPaste::~BracketedPaste() {
  if (!active) return;
  write_out(off);
  for (size_t i = 0; i < std::size(signals); ++i) ::sigaction(signals[i], &actions_before[i], nullptr);
  active = false;
}

}  // namespace mxpath::cli
