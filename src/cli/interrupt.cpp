#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "cli/keep_typed.h"
#include "cli/program.h"

namespace mxpath::cli {
namespace {

std::atomic<bool> flag = false;  // lock-free: a signal handler may set it
struct sigaction before;

void on_interrupt(int) {
  if (!flag.exchange(true)) return;
  KeepTyped::undo();
  ::_exit(interrupted_exit_code);
}

}  // namespace

CatchInterrupt::CatchInterrupt() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: reading the terminal must return
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &before);
}

CatchInterrupt::~CatchInterrupt() { ::sigaction(SIGINT, &before, nullptr); }

bool interrupted() { return flag.load(); }
void clear_interrupt() { flag.store(false); }

}  // namespace mxpath::cli
