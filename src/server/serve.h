// A server from its first connection to its last.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "server/http/http.h"
#include "server/service.h"

namespace mxpath::server {

struct ServeOptions {
  ServiceOptions service;
  http::ServerOptions listener;
  double drain_seconds = 30;  ///< for answers that run when the server is told to end
  /// Loads the model, on a thread of its own while the server listens already.
  std::function<Result<std::unique_ptr<Runtime>>()> load;
  Policy policy;  ///< that it was loaded with
  /// How often the server was told to end: once, it drains; twice, it cuts. Asked a few times a second.
  std::function<int()> times_told_to_end = {};
  std::function<void(const std::string& url)> on_listening = {};
  std::function<void(const std::string& name)> on_ready = {};  ///< the model is loaded
  /// The server has ended, and the model is still being loaded or a step of it does not end, which nothing stops but
  /// the end of the process. Empty, or where it returns: waits for that.
  std::function<void()> on_ended_early = {};
};

/// Blocks until the server has ended. Errors: an address that cannot be listened on; those of loading; a model that is
/// lost while it runs, once those who ask have been told.
Status serve(ServeOptions options);

}  // namespace mxpath::server
