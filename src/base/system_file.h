// File descriptors: opened without ever waiting for a pipe, read to the end, closed by themselves.
#pragma once
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
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

struct RegularFile {
  SystemFile file;
  uint64_t size;
};

/// The sentence for an open(path) that failed with errno `code`.
Error open_error(const std::string& path, int code);

/// A file of a model or of a cache, for reading. Errors: it is missing, cannot be read, or is a folder, a pipe, a
/// socket or a device; none of these is waited for.
Result<RegularFile> open_regular_file(const std::string& path);

/// A file that the user named, for reading from front to back: a regular one, or a pipe as `<(command)` makes it.
/// Errors as above; nothing writes into the pipe within a second.
Result<SystemFile> open_input(const std::string& path);

/// What is left of `fd`, at most `limit` bytes of it. Errors, each beginning with `where`: it cannot be read, or is
/// longer.
Result<std::string> read_to_end(int fd, std::string_view where, uint64_t limit);

/// The whole of open_input(path).
Result<std::string> read_input(const std::string& path, uint64_t limit);

}  // namespace mxpath
