#include "server/http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "server/http/header_text.h"

namespace mxpath::http {
namespace {

constexpr int backlog = 1024;

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un unix_domain;
};

/// "127.0.0.1", "::1"; "" for what has no address. An IPv4 client of an IPv6 socket is known by its IPv4 address.
std::string text_of(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.any.sa_family == AF_INET) ::inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof text);
  if (address.any.sa_family == AF_INET6) {
    const in6_addr& v6 = address.v6.sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) ::inet_ntop(AF_INET, &v6.s6_addr[12], text, sizeof text);
    else ::inet_ntop(AF_INET6, &v6, text, sizeof text);
  }
  return text;
}

int port_of(const Address& address) {
  if (address.any.sa_family == AF_INET) return ntohs(address.v4.sin_port);
  return address.any.sa_family == AF_INET6 ? ntohs(address.v6.sin6_port) : 0;
}

std::string url_of(std::string_view host, int port) {
  const bool v6 = host.find(':') != host.npos;
  return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

Address own_address(int fd) {
  Address address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, &address.any, &size) != 0) address.any.sa_family = AF_UNSPEC;
  return address;
}

Error bind_error(std::string_view host, int port, int code) {
  const std::string where = fmt::format("port {} of {}", port, printable(host));
  switch (code) {
    case EADDRINUSE: return fail("{} is taken by another program; choose another port, or 0 for any free one", where);
    case EACCES:
    case EPERM:
      return fail(
          "{} may not be used by this user; choose a port from 1024 on, or give the program the right "
          "(CAP_NET_BIND_SERVICE)",
          where);
    case EADDRNOTAVAIL:
      return fail("{} is no address of this computer; listen on one of its own, on 127.0.0.1, or on 0.0.0.0 for all",
                  printable(host));
    case EMFILE:
    case ENFILE: return fail("{}: too many files are open; raise the limit (ulimit -n)", where);
    default: return fail("{} cannot be listened on: {}", where, std::strerror(code));
  }
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

Result<Addresses> addresses_of(const std::string& host, int port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), fmt::format("{}", port).c_str(), &wanted, &found);
  Addresses addresses(found, [](addrinfo* list) {
    if (list != nullptr) ::freeaddrinfo(list);
  });
  if (code != 0)
    return fail("{}: no address is known for this name ({}); listen on 127.0.0.1, or on 0.0.0.0 for all",
                printable(host), ::gai_strerror(code));
  return addresses;
}

/// Binds and listens; the number of the error, or 0.
int listen_at(const addrinfo& at, SystemFile& out) {
  SystemFile file(::socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (file.fd() < 0) return errno;
  const int yes = 1;
  ::setsockopt(file.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const int no = 0;  // "::" is for both
  if (at.ai_family == AF_INET6) ::setsockopt(file.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (::bind(file.fd(), at.ai_addr, at.ai_addrlen) != 0) return errno;
  if (::listen(file.fd(), backlog) != 0) return errno;
  out = std::move(file);
  return 0;
}

Result<Listener> listen_on_port(const ServerOptions& options) {
  std::string host = options.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty()) return wrong_use("no host to listen on; give 127.0.0.1, or 0.0.0.0 for all addresses");
  if (options.port < 0 || options.port > 65535)
    return wrong_use("port {}: must be between 1 and 65535, or 0 for any free one", options.port);
  MXPATH_TRY(const Addresses addresses, addresses_of(host, options.port));
  int code = EADDRNOTAVAIL;
  SystemFile file(-1);
  for (const int family : {AF_INET, AF_INET6}) {  // of a name that has both, the one that all clients try
    for (const addrinfo* at = addresses.get(); at != nullptr && code != 0; at = at->ai_next)
      if (at->ai_family == family) code = listen_at(*at, file);
  }
  if (code != 0) return bind_error(host, options.port, code);
  const int port = port_of(own_address(file.fd()));
  return Listener(std::move(file), url_of(host, port), port);
}

/// Makes room for a socket where its file is there but nobody listens behind it.
Status remove_stale(const std::string& path, const Address& address) {
  struct stat what {};
  if (::lstat(path.c_str(), &what) != 0) return {};
  if (!S_ISSOCK(what.st_mode))
    return fail("{}: there is something else that is no socket; give another path, or remove it", printable(path));
  const SystemFile probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(probe.fd(), &address.any, sizeof address.unix_domain) == 0 || errno != ECONNREFUSED)
    return fail("{}: another program listens there; give another path, or end that program", printable(path));
  if (::unlink(path.c_str()) != 0)
    return fail("{}: the socket of an earlier run cannot be removed: {}", printable(path), std::strerror(errno));
  return {};
}

Result<Listener> listen_on_path(const std::string& path) {
  Address address{};
  address.unix_domain.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.unix_domain.sun_path)
    return wrong_use("{}: too long for a Unix socket, whose path has at most {} bytes; give a shorter one",
                     printable(path), sizeof address.unix_domain.sun_path - 1);
  path.copy(address.unix_domain.sun_path, path.size());
  MXPATH_CHECK(remove_stale(path, address));
  SystemFile file(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (file.fd() < 0 || ::bind(file.fd(), &address.any, sizeof address.unix_domain) != 0)
    return fail("{}: no socket can be made there: {}; check the folder and its permissions", printable(path),
                std::strerror(errno));
  Listener listener(std::move(file), "unix:" + path, 0);
  listener.owns_path(path);
  if (::listen(listener.fd(), backlog) != 0)
    return fail("{} cannot be listened on: {}", printable(path), std::strerror(errno));
  return listener;
}

Result<Listener> take_over(int fd) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
    return fail("descriptor {} is no socket that listens; check the socket unit of the supervisor", fd);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  const Address address = own_address(fd);
  const std::string host = text_of(address);
  if (!host.empty()) return Listener(SystemFile(fd), url_of(host, port_of(address)), port_of(address));
  return Listener(SystemFile(fd), fmt::format("unix:{}", address.unix_domain.sun_path), 0);
}

}  // namespace

void Listener::owns_path(std::string path) {
  struct stat made {};
  if (::lstat(path.c_str(), &made) != 0) return;
  path_ = std::move(path);
  device_ = made.st_dev;
  inode_ = made.st_ino;
}

int Listener::take_fd() {
  const int copy = ::fcntl(file_.fd(), F_DUPFD_CLOEXEC, 0);
  file_.close();
  return copy;
}

void Listener::remove_file() {
  struct stat now {};
  if (path_.empty()) return;
  if (::lstat(path_.c_str(), &now) == 0 && now.st_dev == device_ && now.st_ino == inode_) ::unlink(path_.c_str());
  path_.clear();
}

Result<Listener> open_listener(const ServerOptions& options) {
  if (options.listening_socket >= 0) return take_over(options.listening_socket);
  if (!options.unix_socket.empty()) return listen_on_path(options.unix_socket);
  return listen_on_port(options);
}

Accepted accept_client(int listening_fd) {
  Address address{};
  socklen_t size = sizeof address;
  const int fd = ::accept4(listening_fd, &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return {-1, {}, errno};
  if (address.any.sa_family == AF_UNIX) return {fd};
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);  // an event leaves at once
  // A client whose computer is off is noticed in a minute, though nothing is written to it.
  const int idle = 30;
  const int probes = 3;
  const int between = 10;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
  return {fd, text_of(address)};
}

}  // namespace mxpath::http
