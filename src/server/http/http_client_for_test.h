// A client for tests that blocks, and a server on a thread of its own.
#pragma once
#include <arpa/inet.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "server/http/header_text.h"
#include "server/http/http.h"

namespace mxpath::http::test {

struct Answer {
  int status = 0;                              ///< 0: the connection closed before
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  bool whole = false;  ///< all that was announced came
};

/// Where nothing comes for ten seconds a test fails and goes on as if the server had closed.
class Client {
 public:
  explicit Client(int port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<uint16_t>(port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  }
  explicit Client(const std::string& path) {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  }
  Client(Client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), read_(std::move(other.read_)) {}
  Client& operator=(Client&&) = delete;
  ~Client() { close(); }

  bool connected() const { return connected_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Closes with RST instead of FIN.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  bool get(std::string_view path, std::string_view more = "") {
    return send("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) + "\r\n");
  }
  bool post(std::string_view path, std::string_view body, std::string_view more = "") {
    return send("POST " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n" + std::string(more) + "\r\n" + std::string(body));
  }

  /// Nothing is left, and the server has closed.
  bool at_end() { return read_.empty() && !fill(); }
  std::string read_all() {
    while (fill()) {
    }
    return std::exchange(read_, {});
  }
  std::string line() {
    size_t end;
    while ((end = read_.find("\r\n")) == read_.npos)
      if (!fill()) return std::exchange(read_, {});
    std::string out = read_.substr(0, end);
    read_.erase(0, end + 2);
    return out;
  }
  /// So many bytes, or what comes before the end.
  std::string take(size_t bytes) {
    while (read_.size() < bytes && fill()) {
    }
    std::string out = read_.substr(0, bytes);
    read_.erase(0, out.size());
    return out;
  }
  /// Status and headers; interim answers before them do not matter.
  Answer head() {
    Answer out = any_head();
    while (out.status == 100) out = any_head();
    return out;
  }
  Answer any_head() {
    Answer out;
    const std::string first = line();
    if (!first.starts_with("HTTP/1.1 ")) return out;
    out.status = std::atoi(first.c_str() + 9);
    for (std::string next; !(next = line()).empty();) {
      const size_t colon = next.find(": ");
      if (colon != next.npos) out.headers[lower_case(next.substr(0, colon))] = next.substr(colon + 2);
    }
    return out;
  }
  /// The data of the next chunk; "": the last one, or the end.
  std::string chunk(bool& whole) {
    whole = false;
    const std::string size = line();
    if (size.empty()) return {};
    const auto bytes = static_cast<size_t>(std::strtoul(size.c_str(), nullptr, 16));
    std::string data = take(bytes + 2);
    whole = data.size() == bytes + 2;
    return data.substr(0, std::min(bytes, data.size()));
  }
  Answer answer(bool has_body = true) {
    Answer out = head();
    if (out.status == 0 || !has_body || out.status == 204) {
      out.whole = out.status != 0;
    } else if (out.headers.contains("content-length")) {
      const auto size = static_cast<size_t>(std::atoll(out.headers["content-length"].c_str()));
      out.body = take(size);
      out.whole = out.body.size() == size;
    } else {
      for (std::string data; !(data = chunk(out.whole)).empty();) out.body += data;
    }
    return out;
  }
  /// The next event of a stream without its blank line; chunks do not matter. "": the stream has ended.
  std::string event() {
    bool whole = true;
    size_t end;
    while ((end = events_.find("\n\n")) == events_.npos) {
      const std::string data = chunk(whole);
      if (data.empty()) return {};
      events_ += data;
    }
    std::string out = events_.substr(0, end);
    events_.erase(0, end + 2);
    return out;
  }

 private:
  bool fill() {
    char block[1 << 14];
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, 10'000) != 1) {
      ADD_FAILURE() << "nothing came for ten seconds, not even an end";
      return false;
    }
    const ssize_t count = ::recv(fd_, block, sizeof block, 0);
    if (count <= 0) return false;
    read_.append(block, static_cast<size_t>(count));
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
  std::string read_, events_;
};

/// A server on any free port, in run() until the end of the test.
class Running {
 public:
  explicit Running(Handler handler, const Limits& limits = {}) : Running(std::move(handler), local(limits)) {}
  Running(Handler handler, const ServerOptions& options) {
    auto made = Server::listen(options, std::move(handler));
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    server_ = std::move(*made);
    thread_ = std::thread([this] { server_->run(); });
  }
  ~Running() { stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void stop() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
  }
  Server* operator->() { return server_.get(); }
  Client client() { return Client(server_->port()); }
  /// Ends run() and the server, while exchanges may still be held.
  void destroy() {
    stop();
    server_.reset();
  }

 private:
  static ServerOptions local(const Limits& limits) {
    ServerOptions options;
    options.port = 0;
    options.limits = limits;
    return options;
  }
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

/// Waits for what another thread does; false after five seconds.
inline bool soon(const std::function<bool()>& condition) {
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
       std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}

inline int open_descriptors() {
  int count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

/// Keeps exchanges for other threads.
class Kept {
 public:
  Handler handler() {
    return [this](std::shared_ptr<Exchange> exchange) {
      const std::lock_guard lock(mutex_);
      exchanges_.push_back(std::move(exchange));
      came_.notify_all();
    };
  }
  /// The exchange of the request that came as number `index`; null: it does not come.
  std::shared_ptr<Exchange> get(size_t index = 0) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, std::chrono::seconds(5), [&] { return exchanges_.size() > index; });
    return exchanges_.size() > index ? exchanges_[index] : nullptr;
  }
  void let_go() {
    std::vector<std::shared_ptr<Exchange>> gone;
    const std::lock_guard lock(mutex_);
    gone.swap(exchanges_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::shared_ptr<Exchange>> exchanges_;
};

}  // namespace mxpath::http::test
