// systemd: the socket it opened, and what it wants to hear (sd_notify, sd_listen_fds).
#pragma once
#include <string>
#include <string_view>

namespace mxpath::server {

/// The listening socket that was passed to this process; -1: none.
int passed_socket();

/// Whether other computers can reach a listening socket: neither a Unix socket nor one on a loopback address.
bool is_reachable(int socket);

/// Tells the supervisor "READY=1", "STATUS=…", "WATCHDOG=1" or "STOPPING=1"; nothing happens without one.
void notify_supervisor(std::string_view message);

/// Seconds within which the supervisor wants to hear WATCHDOG=1; 0: never.
double watchdog_seconds();

}  // namespace mxpath::server
