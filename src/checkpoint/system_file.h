// A file descriptor that closes itself, and the sentences for a file that cannot be opened.
#pragma once
#include <unistd.h>

#include <string>
#include <utility>

#include "base/result.h"

namespace mxpath {

class SystemFile {
 public:
  explicit SystemFile(int fd) : fd_(fd) {}
  SystemFile(SystemFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  SystemFile& operator=(SystemFile&& other) noexcept { return std::swap(fd_, other.fd_), *this; }
  ~SystemFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  /// Closes now; false when the system reports a late write error.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_ = -1;
};

/// The sentence for an open(path) that failed with errno `code`.
Error open_error(const std::string& path, int code);

}  // namespace mxpath
