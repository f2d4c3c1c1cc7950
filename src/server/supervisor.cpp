#include "server/supervisor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstring>

#include "base/environment.h"
#include "server/http/access.h"

namespace mxpath::server {
namespace {

constexpr int first_passed_descriptor = 3;

/// -1: not a number.
long number_in(const char* variable) {
  const std::string text = environment_variable(variable);
  long value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

}  // namespace

int passed_socket() {
  return number_in("LISTEN_PID") == ::getpid() && number_in("LISTEN_FDS") >= 1 ? first_passed_descriptor : -1;
}

bool is_reachable(int socket) {
  sockaddr_storage address = {};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return true;
  char text[INET6_ADDRSTRLEN] = {};
  switch (address.ss_family) {
    case AF_UNIX: return false;
    case AF_INET:
      ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
      break;
    case AF_INET6:
      ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
      break;
    default: return true;
  }
  return !http::is_loopback(text);
}

void notify_supervisor(std::string_view message) {
  const std::string path = environment_variable("NOTIFY_SOCKET");
  sockaddr_un address = {};
  if (path.empty() || path.size() >= sizeof address.sun_path) return;
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  // A supervisor that does not listen changes nothing for those who are served.
  (void)::sendto(socket, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 length);
  ::close(socket);
}

double watchdog_seconds() {
  const long pid = number_in("WATCHDOG_PID"), microseconds = number_in("WATCHDOG_USEC");
  if (microseconds <= 0 || (pid > 0 && pid != ::getpid())) return 0;
  return static_cast<double>(microseconds) * 1e-6;
}

}  // namespace mxpath::server
