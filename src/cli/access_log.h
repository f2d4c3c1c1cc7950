// Lines of an access log, written on a thread of their own so that no disk and no pipe holds up who writes them.
#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"

namespace mxpath::cli {

/// What cannot be written soon enough is dropped, and how many lines that were is written once it can be.
class AccessLog {
 public:
  /// path: a file that is appended to; "-": standard error. Errors: it cannot be written, the system starts no thread.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& path);
  /// Writes what is left, for a second at most.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void line(std::string_view text);

 private:
  explicit AccessLog(int fd, bool own) : fd_(fd), own_(own) {}
  void work();
  bool write(std::string_view text);

  const int fd_;
  const bool own_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::string> lines_;
  uint64_t dropped_ = 0;
  bool stop_ = false, told_ = false;
  std::thread thread_;
};

}  // namespace mxpath::cli
