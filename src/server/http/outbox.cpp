#include "server/http/outbox.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace mxpath::http {
namespace {

/// So much in a row for one client; then the others have their turn.
constexpr size_t most_at_once = 1 << 20;

}  // namespace

void Outbox::add(std::string_view bytes) {
  if (unsent() == 0) progress_ = Clock::now();
  next_ += bytes;
}

void Outbox::add_events(std::string_view events) {
  if (unsent() == 0) progress_ = Clock::now();
  events_ += events;
}

void Outbox::begin_events(bool chunked) { chunked_ = chunked; }

void Outbox::frame_events() {
  if (events_.empty()) return;
  if (chunked_) next_ += fmt::format("{:x}\r\n", events_.size());
  next_ += events_;
  if (chunked_) next_ += "\r\n";
  events_.clear();
}

void Outbox::end_events(bool whole) {
  frame_events();
  if (whole && chunked_) next_ += "0\r\n\r\n";
}

Outbox::Written Outbox::write(int fd) {
  for (size_t sum = 0; sum < most_at_once;) {
    if (written_ == writing_.size()) {
      frame_events();
      writing_ = std::move(next_);
      next_.clear();
      written_ = 0;
    }
    if (writing_.empty()) {
      progress_ = Clock::now();
      return Written::all;
    }
    const size_t size = std::min(writing_.size() - written_, most_at_once);
    const ssize_t count = ::send(fd, writing_.data() + written_, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Written::some : Written::failed;
    progress_ = Clock::now();
    written_ += static_cast<size_t>(count);
    sum += static_cast<size_t>(count);
  }
  return Written::some;
}

}  // namespace mxpath::http
