#include "run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace mxpath {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(60);

std::string scratch(const char* name) {
  const auto folder = std::filesystem::temp_directory_path() / "mxpath-test-cache" / name;
  std::filesystem::create_directories(folder);
  return folder.string();
}

/// In the child: the same for every developer.
[[noreturn]] void become(const char* program, const std::vector<std::string>& arguments,
                         const std::string& terminal = "xterm") {
  ::setenv("XDG_CACHE_HOME", scratch("cache").c_str(), 1);
  ::setenv("XDG_STATE_HOME", scratch("state").c_str(), 1);
  ::setenv("HF_HUB_CACHE", scratch("hub").c_str(), 1);
  ::setenv("CUDA_VISIBLE_DEVICES", "-1",
           1);  // what is tested here is the program on a CPU; tools/cuda_check.sh has the GPU
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("TERM", terminal.c_str(), 1);
  ::unsetenv("NO_COLOR");
  ::setenv("MXPATH", MXPATH_PROGRAM, 1);
  std::vector<char*> argv = {const_cast<char*>("mxpath")};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(program, argv.data());
  ::_exit(127);
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/// Appends what is there; false at the end.
bool take(int fd, std::string& text) {
  char block[4096];
  const ssize_t count = ::read(fd, block, sizeof block);
  if (count > 0) text.append(block, static_cast<size_t>(count));
  return count > 0;
}

Ran run(const char* program, const std::vector<std::string>& arguments, const std::string& input,
        size_t interrupt_after) {
  ::signal(SIGPIPE, SIG_IGN);
  int in[2], out[2], err[2];
  if (::pipe(in) || ::pipe(out) || ::pipe(err)) return {};
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(in[0], 0), ::dup2(out[1], 1), ::dup2(err[1], 2);
    for (int fd : {in[0], in[1], out[0], out[1], err[0], err[1]}) ::close(fd);
    ::signal(SIGPIPE, SIG_DFL);
    become(program, arguments);
  }
  ::close(in[0]), ::close(out[1]), ::close(err[1]);
  Ran ran;
  pollfd streams[] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}, {in[1], POLLOUT, 0}};
  size_t written = 0;
  bool interrupted = false;
  for (const auto start = Clock::now(); streams[0].fd >= 0 || streams[1].fd >= 0;) {
    if (Clock::now() - start > patience) ::kill(pid, SIGKILL);
    if (written >= input.size() && streams[2].fd >= 0) ::close(streams[2].fd), streams[2].fd = -1;
    ::poll(streams, 3, 100);
    if (streams[2].fd >= 0 && (streams[2].revents & (POLLOUT | POLLERR))) {
      const ssize_t count =
          ::write(streams[2].fd, input.data() + written, std::min<size_t>(input.size() - written, 4096));
      written = count > 0 ? written + static_cast<size_t>(count) : input.size();
    }
    for (int i : {0, 1})
      if (streams[i].fd >= 0 && (streams[i].revents & (POLLIN | POLLHUP)) &&
          !take(streams[i].fd, i ? ran.err : ran.out))
        ::close(streams[i].fd), streams[i].fd = -1;
    if (interrupt_after && !interrupted && ran.out.size() >= interrupt_after) interrupted = ::kill(pid, SIGINT) == 0;
  }
  if (streams[2].fd >= 0) ::close(streams[2].fd);
  int status = 0;
  ::waitpid(pid, &status, 0);
  ran.code = code_of(status);
  return ran;
}

}  // namespace

Ran run_mxpath(const std::vector<std::string>& arguments, const std::string& input, size_t interrupt_after) {
  return run(MXPATH_PROGRAM, arguments, input, interrupt_after);
}

Ran run_shell(const std::string& script, const std::string& input) {
  return run("/bin/bash", {"-c", script}, input, 0);
}

OnTerminal::OnTerminal(const std::vector<std::string>& arguments, const std::string& output, const std::string& type) {
  winsize size{.ws_row = 40, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
  pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
  if (pid_ != 0) return;
  if (!output.empty()) ::dup2(::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
  become(MXPATH_PROGRAM, arguments, type);
}

OnTerminal::~OnTerminal() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (terminal_ >= 0) ::close(terminal_);
}

void OnTerminal::type(const std::string& keys) {
  if (::write(terminal_, keys.data(), keys.size()) < 0) screen_ += "(typing failed)";
}

void OnTerminal::signal(int number) { ::kill(pid_, number); }

bool OnTerminal::read_more() {
  pollfd stream{terminal_, POLLIN, 0};
  return ::poll(&stream, 1, 100) == 0 || take(terminal_, screen_);
}

bool OnTerminal::shows(const std::string& text) {
  for (const auto start = Clock::now();;) {
    if (const size_t at = screen_.find(text, seen_); at != std::string::npos) return seen_ = at + text.size(), true;
    if (Clock::now() - start > patience / 3 || !read_more()) return false;
  }
}

int OnTerminal::leave(const std::string& keys) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    type(keys);
    for (const auto start = Clock::now(); Clock::now() - start < std::chrono::seconds(1);)
      if (!read_more()) return end();
  }
  return end();
}

int OnTerminal::end() {
  for (const auto start = Clock::now(); read_more();)
    if (Clock::now() - start > patience / 3) ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return code_of(status);
}

}  // namespace mxpath
