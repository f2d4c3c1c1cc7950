// Times that are over, and clients that leave while bytes of theirs are still unread.
#include <fmt/format.h>
#include <poll.h>

#include "server/http/connection.h"

namespace mxpath::http {
namespace {

constexpr double linger_seconds = 2;
/// Between two looks whether a client that has ended its sending still takes anything.
constexpr double probe_seconds = 1;
/// After which a client that has never asked anything has had its time to.
constexpr double first_request_seconds = 1;

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

/// What has happened to a socket, without waiting.
int events_of(int fd) {
  pollfd at{fd, POLLIN | POLLRDHUP, 0};
  return ::poll(&at, 1, 0) == 1 ? at.revents : 0;
}

}  // namespace

void Connection::tick(Clock::time_point now) {
  const Limits& limits = core_.limits;
  const double time = seconds(now - since_);
  switch (phase_) {
    case Phase::waiting:
      if (time > limits.idle_seconds) close();
      return;
    case Phase::head:
      if (time > limits.header_seconds)
        refuse(408, fmt::format("the headers did not come within {} s", limits.header_seconds));
      return;
    case Phase::body:
      if (time > limits.body_seconds)
        refuse(408, fmt::format("the body did not come within {} s", limits.body_seconds));
      return;
    case Phase::answering: return tick_answer(now);
    case Phase::lingering:
      if (time > linger_seconds) close();
      return;
    case Phase::closed: return;
  }
}

void Connection::tick_answer(Clock::time_point now) {
  if (client_ended_ || is_full()) look_for_client(now);
  if (phase_ == Phase::closed) return;
  const double silence = seconds(now - outbox_.progress());
  if (outbox_.unsent() > 0) {
    const bool too_much = answer_ == Answer::stream && outbox_.unsent() > core_.limits.outbox_bytes;
    if (too_much || silence > core_.limits.write_seconds) close();
  } else if (answer_ == Answer::stream && silence > core_.limits.keepalive_seconds) {
    outbox_.add_events(": keepalive\n\n");
    flush();
  }
}

/// Where no read is pending. A client that has closed looks like one that has only ended its sending and waits for the
/// answers to what it sent ahead, until something is written: then its system resets the connection. So something is
/// written that says nothing: a comment of a stream, or an interim answer, any number of which may stand before the
/// answer (RFC 9110, 15.2).
void Connection::look_for_client(Clock::time_point now) {
  if (!transfer_ || answer_ == Answer::ended) return;
  const int events = events_of(descriptor_->fd());
  if ((events & (POLLERR | POLLHUP | POLLNVAL)) != 0) return close();
  if (!client_ended_ && (events & POLLRDHUP) == 0) return;
  const bool knows_interim = !frame_.http_1_0;
  if (close_after_ || (answer_ == Answer::none && !knows_interim)) return close();
  if (outbox_.unsent() > 0 || seconds(now - probed_) < probe_seconds) return;
  probed_ = now;
  if (answer_ == Answer::stream) outbox_.add_events(": keepalive\n\n");
  else outbox_.add("HTTP/1.1 100 Continue\r\n\r\n");
  flush();
}

std::optional<Clock::time_point> Connection::idle_since(Clock::time_point now) const {
  if (phase_ != Phase::waiting || has_pipelined() || outbox_.unsent() > 0) return {};
  if (!has_answered_ && seconds(now - since_) < first_request_seconds) return {};
  if (events_of(descriptor_->fd()) != 0) return {};  // its request is there, or its end, which is soon read
  return since_;
}

void Connection::drain() {
  if (phase_ == Phase::waiting && !has_pipelined()) close();
}

}  // namespace mxpath::http
