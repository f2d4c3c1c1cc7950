// Descriptors that listen: made here, or taken over from a supervisor.
#pragma once
#include <sys/types.h>

#include <string>
#include <utility>

#include "base/result.h"
#include "base/system_file.h"
#include "server/http/http.h"

namespace mxpath::http {

/// Listens without blocking. The file of a Unix socket is removed with it.
class Listener {
 public:
  Listener(SystemFile file, std::string url, int port) : file_(std::move(file)), url_(std::move(url)), port_(port) {}
  Listener(Listener&& other) noexcept
      : file_(std::move(other.file_)),
        url_(std::move(other.url_)),
        path_(std::exchange(other.path_, {})),
        port_(other.port_),
        device_(other.device_),
        inode_(other.inode_) {}
  Listener& operator=(Listener&& other) = delete;
  ~Listener() { remove_file(); }

  int fd() const { return file_.fd(); }
  const std::string& url() const { return url_; }
  /// 0 for a Unix socket.
  int port() const { return port_; }
  /// The file that was made for it, to be removed unless another one has taken its name.
  void owns_path(std::string path);
  void remove_file();
  /// The descriptor, which is the caller's from now on; -1: the system has no room for it.
  int take_fd();

 private:
  SystemFile file_;
  std::string url_, path_;
  int port_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Errors say what is in the way and what to do.
Result<Listener> open_listener(const ServerOptions& options);

/// A client that waits; its peer is "" for a Unix socket. Where there is none, fd is -1 and `error` says why.
struct Accepted {
  int fd = -1;
  std::string peer = {};
  int error = 0;
};
Accepted accept_client(int listening_fd);

}  // namespace mxpath::http
