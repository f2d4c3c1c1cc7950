#include "cli/output.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace mxpath::cli {
namespace {

constexpr int patience_ms = 10'000;  // for a reader of standard error

int failed = 0;
bool pipe_ends_program = false;

/// Writes all of it; else errno. A descriptor that somebody made non-blocking is waited for, `patience` milliseconds
/// each time (-1: as long as it takes).
int write_all(int fd, std::string_view text, int patience) noexcept {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd waiting{fd, POLLOUT, 0};
      if (::poll(&waiting, 1, patience) == 0) return EAGAIN;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

/// The wrong way round on purpose: reading standard input and writing standard output go on failing.
void open_if_closed(int fd, int direction) {
  if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) return;
  int opened = ::open("/dev/null", direction);
  if (opened < 0) opened = ::open("/", O_PATH);  // no /dev here
  if (opened < 0 || opened == fd) return;
  ::dup2(opened, fd);
  ::close(opened);
}

}  // namespace

void open_standard_streams() {
  open_if_closed(STDIN_FILENO, O_WRONLY);
  open_if_closed(STDOUT_FILENO, O_RDONLY);
  open_if_closed(STDERR_FILENO, O_RDONLY);
  struct sigaction before {};
  ::sigaction(SIGPIPE, nullptr, &before);
  pipe_ends_program = before.sa_handler == SIG_DFL;
  ::signal(SIGPIPE, SIG_IGN);  // a reader of standard error that goes away is no reason to end
}

void write_stdout(std::string_view text) {
  if (failed) return;
  std::fflush(stdout);  // the line editor writes there too
  failed = write_all(STDOUT_FILENO, text, -1);
  if (failed != EPIPE || !pipe_ends_program) return;
  // As git and most filters do, without a word: the shell sees 141, and `set -o pipefail` can tell a report that was
  // cut from a whole one, which the 0 of ripgrep could not.
  ::signal(SIGPIPE, SIG_DFL);
  ::raise(SIGPIPE);
}

int output_error() { return failed; }

void write_stderr(std::string_view text) noexcept { write_all(STDERR_FILENO, text, patience_ms); }

}  // namespace mxpath::cli
