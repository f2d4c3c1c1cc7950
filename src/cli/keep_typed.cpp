#include "cli/keep_typed.h"

#include <termios.h>
#include <unistd.h>

#include <atomic>

namespace mxpath::cli {
namespace {

std::atomic<bool> changed = false;

void set_no_flush(bool on) noexcept {
  struct termios mode;
  if (::tcgetattr(STDIN_FILENO, &mode) != 0) return;
  if (on) mode.c_lflag |= static_cast<tcflag_t>(NOFLSH);
  else mode.c_lflag &= ~static_cast<tcflag_t>(NOFLSH);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

}  // namespace

KeepTyped::KeepTyped() {
  struct termios mode;
  if (::tcgetattr(STDIN_FILENO, &mode) != 0 || (mode.c_lflag & static_cast<tcflag_t>(NOFLSH))) return;
  changed = true;
  set_no_flush(true);
}

KeepTyped::~KeepTyped() { undo(); }

void KeepTyped::undo() noexcept {
  if (changed.exchange(false)) set_no_flush(false);
}

}  // namespace mxpath::cli
