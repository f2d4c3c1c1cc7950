#include "cli/access_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "cli/program.h"

namespace mxpath::cli {
namespace {

constexpr size_t most_lines = 10'000;
/// How long a write may wait for whoever reads a pipe.
constexpr int patience_ms = 1000;

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path) {
  const bool own = path != "-";
  // A pipe that nobody reads must not hold up the start either.
  const int fd =
      own ? ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644) : STDERR_FILENO;
  if (fd < 0)
    return fail("{}: cannot be written: {}", printable(path),
                errno == ENXIO ? "nobody reads this pipe" : std::strerror(errno));
  std::unique_ptr<AccessLog> log(new AccessLog(fd, own));
  try {
    log->thread_ = std::thread(&AccessLog::work, log.get());
  } catch (const std::system_error&) {
    return fail("the system starts no thread for the access log; end other programs, or raise the limit of threads");
  }
  return log;
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  came_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (own_) ::close(fd_);
}

void AccessLog::line(std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    if (lines_.size() >= most_lines) {
      ++dropped_;
      return;
    }
    lines_.emplace_back(text);
  }
  came_.notify_one();
}

bool AccessLog::write(std::string_view text) {
  while (!text.empty()) {
    pollfd ready{fd_, POLLOUT, 0};
    if (::poll(&ready, 1, patience_ms) != 1) return false;
    const ssize_t count = ::write(fd_, text.data(), text.size());
    if (count < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

void AccessLog::work() {
  for (;;) {
    std::string text;
    uint64_t dropped = 0;
    {
      std::unique_lock lock(mutex_);
      came_.wait(lock, [this] { return stop_ || !lines_.empty(); });
      if (lines_.empty()) return;
      text = std::move(lines_.front()) + '\n';
      lines_.pop_front();
      dropped = std::exchange(dropped_, 0);
    }
    if (dropped > 0) text = fmt::format("{} could not be written\n", plural(dropped, "line")) + text;
    if (write(text)) continue;
    const std::lock_guard lock(mutex_);
    dropped_ += dropped + 1;
    if (!std::exchange(told_, true) && own_) tell("the access log cannot be written, and its lines are lost");
    if (stop_) return;
  }
}

}  // namespace mxpath::cli
