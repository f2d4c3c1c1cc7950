#include "server/serve.h"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/text.h"
#include "server/supervisor.h"
#include "server/turn.h"

namespace mxpath::server {
namespace {

constexpr auto tick = std::chrono::milliseconds(50);
/// For the step that runs when the server has ended. Nobody waits for what it computes.
constexpr double last_step_seconds = 5;

/// What ends a server, looked at with each tick, and what a supervisor hears.
class Life {
 public:
  Life(const ServeOptions& options, http::Server& listener, Service& service)
      : options_(options), listener_(listener), service_(service), watchdog_(watchdog_seconds()) {}

  void look() {
    service_.tick();
    const double now = seconds_now();
    feed_watchdog(now);
    if (const auto lost = service_.lost(); lost && !error_) {
      error_ = *lost;
      drain(now);
    }
    const int told = options_.times_told_to_end ? options_.times_told_to_end() : 0;
    if (told > 0 && draining_since_ < 0) drain(now);
    if (draining_since_ < 0) return;
    const bool late = now - draining_since_ > options_.drain_seconds;
    if (told > 1 || late) service_.cut();
    if (service_.idle() || told > 1 || late) end(now);
  }
  void fail(Error error) {
    error_ = std::move(error);
    listener_.stop();
  }
  const std::optional<Error>& error() const { return error_; }
  bool ending() const { return draining_since_ >= 0; }

 private:
  void drain(double now) {
    draining_since_ = now;
    notify_supervisor("STOPPING=1\nSTATUS=ending");
    service_.drain();
    listener_.drain();
  }
  /// A moment for the last bytes to leave.
  void end(double now) {
    if (ending_since_ < 0) ending_since_ = now;
    else if (now - ending_since_ > 0.2) listener_.stop();
  }
  /// From the loop, and only while the model's steps go on: a stuck server is started again.
  void feed_watchdog(double now) {
    if (watchdog_ <= 0 || now - fed_ < watchdog_ / 3 || !service_.is_well()) return;
    fed_ = now;
    notify_supervisor("WATCHDOG=1");
  }

  const ServeOptions& options_;
  http::Server& listener_;
  Service& service_;
  const double watchdog_;
  double fed_ = 0, draining_since_ = -1, ending_since_ = -1;
  std::optional<Error> error_;
};

}  // namespace

Status serve(ServeOptions options) {
  Service* behind = nullptr;
  const auto handle = [&behind](std::shared_ptr<http::Exchange> exchange) { behind->handle(std::move(exchange)); };
  MXPATH_TRY(const auto listener, http::Server::listen(options.listener, handle, Service::refusal));
  Service service(options.service, [&listener](std::function<void()> job) { listener->post(std::move(job)); });
  behind = &service;
  service.set_counts([&listener] { return listener->counts(); });
  MXPATH_CHECK(service.start());
  if (options.on_listening) options.on_listening(listener->url());
  notify_supervisor("STATUS=loading the model");

  Life life(options, *listener, service);
  bool here = false;  // the model, or why there is none
  std::thread loader([&] {
    auto loaded = options.load();
    listener->post([&, loaded = std::make_shared<decltype(loaded)>(std::move(loaded))] {
      here = true;
      if (!loaded->ok()) return life.fail(std::move(*loaded).error());
      const std::string name = options.service.model;
      if (Status served = service.serve_model(std::move(**loaded), options.policy); !served.ok())
        return life.fail(std::move(served).error());
      notify_supervisor("READY=1\nSTATUS=serving");
      if (options.on_ready && !life.ending()) options.on_ready(name);
    });
  });
  listener->every(tick, [&life] { life.look(); });
  listener->run();
  if ((!here || !service.comes_to_rest(last_step_seconds)) && options.on_ended_early) options.on_ended_early();
  loader.join();
  return life.error() ? Status(*life.error()) : Status();
}

}  // namespace mxpath::server
