// `mxpath serve` under test, on a port of its own.
#pragma once
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "checkpoint/test_folder.h"
#include "server/http/http_client_for_test.h"

namespace mxpath {

class ServedProgram {
 public:
  explicit ServedProgram(const std::vector<std::string>& arguments, bool wait = true) {
    int err[2];
    if (::pipe2(err, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) become(arguments, err[1]);
    ::close(err[1]);
    err_ = err[0];
    const std::string url = said("listening on http://127.0.0.1:");
    port_ = std::atoi(url.c_str());
    if (wait) said(" is ready;");
  }
  ~ServedProgram() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    end();
    ::close(err_);
  }
  ServedProgram(const ServedProgram&) = delete;
  ServedProgram& operator=(const ServedProgram&) = delete;

  http::test::Client client() const { return http::test::Client(port_); }
  http::test::Answer get(const std::string& path, const std::string& headers = "") const {
    auto one = client();
    one.get(path, headers);
    return one.answer();
  }
  http::test::Answer post(const std::string& path, const std::string& body, const std::string& headers = "") const {
    auto one = client();
    one.post(path, body, "Content-Type: application/json\r\n" + headers);
    return one.answer();
  }
  int port() const { return port_; }
  void signal(int number) const { ::kill(pid_, number); }
  /// The exit code; waits a minute at most, then kills.
  int end() {
    if (pid_ <= 0) return code_;
    int status = 0;
    for (int i = 0; i < 6000 && ::waitpid(pid_, &status, WNOHANG) == 0; ++i) {
      if (i == 5999) ::kill(pid_, SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    pid_ = -1;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code_;
  }
  bool ended() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return pid_ <= 0;
  }
  /// What follows a text on standard error, to the end of its line; "" where it does not come in a minute.
  std::string said(const std::string& text) {
    for (;;) {
      const size_t at = heard_.find(text), line = at == heard_.npos ? at : heard_.find('\n', at);
      if (line != heard_.npos) return heard_.substr(at + text.size(), line - at - text.size());
      pollfd waiting{err_, POLLIN, 0};
      char block[4096];
      if (::poll(&waiting, 1, 60'000) != 1) return "";
      const ssize_t count = ::read(err_, block, sizeof block);
      if (count <= 0) return "";
      heard_.append(block, static_cast<size_t>(count));
    }
  }
  const std::string& heard() const { return heard_; }

 private:
  [[noreturn]] void become(const std::vector<std::string>& arguments, int err) {
    ::dup2(err, STDERR_FILENO);
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
    ::setenv("XDG_STATE_HOME", (folder_ / "state").c_str(), 1);
    ::setenv("CUDA_VISIBLE_DEVICES", "-1", 1);
    ::unsetenv("MXPATH_API_KEY");
    std::vector<std::string> all = {"mxpath", "serve"};
    if (std::ranges::count(arguments, "--port") == 0) all.insert(all.end(), {"--port", "0"});
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& argument : all) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::execv(MXPATH_PROGRAM, argv.data());
    ::_exit(127);
  }

  TestFolder folder_;
  pid_t pid_ = -1;
  int err_ = -1, port_ = 0, code_ = -1;
  std::string heard_;
};

}  // namespace mxpath
