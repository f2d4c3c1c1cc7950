// What a connection has still to write: bytes as they are, and events of a stream, which merge into one chunk.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

namespace mxpath::http {

using Clock = std::chrono::steady_clock;

class Outbox {
 public:
  enum class Written {
    all,
    some,    ///< the socket takes no more for now
    failed,  ///< the client is gone
  };

  void add(std::string_view bytes);
  /// From now on events; `chunked` as HTTP/1.1 frames them.
  void begin_events(bool chunked);
  void add_events(std::string_view events);
  /// Without the last chunk where the stream is not `whole`.
  void end_events(bool whole);

  /// Bytes that no socket has taken.
  size_t unsent() const { return writing_.size() - written_ + next_.size() + events_.size(); }
  /// When the socket took something last, or had nothing to take.
  Clock::time_point progress() const { return progress_; }
  /// Writes what a socket that does not block takes. Never a SIGPIPE.
  Written write(int fd);

 private:
  void frame_events();

  std::string writing_, next_, events_;
  size_t written_ = 0;  // of writing_
  bool chunked_ = false;
  Clock::time_point progress_ = Clock::now();
};

}  // namespace mxpath::http
