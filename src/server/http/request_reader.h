// Requests from bytes that come in pieces.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/http.h"

namespace mxpath::http {

/// Why bytes are no request that is served; the connection cannot be read on.
struct BadRequest {
  int status = 400;
  std::string sentence = {};
};

struct ReadRequest {
  Request request = {};  ///< without peer; `id` is what the client sent where that is fit, else ""
  bool keep_alive = true;
  bool http_1_0 = false;
};

/// Reads one request of HTTP/1.1 or 1.0 (RFC 9112) after the other. Whatever two readers could take for different
/// requests is refused, even where a reader may guess: a length that is there twice or beside a transfer encoding, any
/// encoding but chunked, lines that end with LF alone or go on in the next one, two Hosts. So no proxy in front of us
/// sees other requests than we do. Trailers are read and forgotten. What it says does not depend on the pieces.
class RequestReader {
 public:
  /// The limits must outlive it.
  explicit RequestReader(const Limits& limits) : limits_(limits) {}

  /// How many of the bytes were used up; those that were not are given again, with more behind them. None are used
  /// behind the end of a request.
  size_t feed(std::string_view bytes);

  const std::optional<BadRequest>& bad() const { return bad_; }
  /// Whether the first byte of a request has come.
  bool has_begun() const { return state_ != State::blank; }
  bool head_is_read() const { return state_ > State::fields; }
  size_t body_bytes() const { return read_.request.body.size(); }
  /// The client waits for a 100 before it sends the body; true once.
  bool take_expectation();
  /// The request where all of it was read; the next one may be fed then.
  std::optional<ReadRequest> take();
  /// Of what was refused, nothing is kept.
  void forget() { read_ = {}; }

 private:
  /// In the order of a request; `blank`: before its first byte.
  enum class State { blank, first_line, fields, body, chunk_size, chunk_data, chunk_end, trailers, done };

  size_t step(std::string_view bytes);
  size_t read_line(std::string_view bytes);
  size_t read_data(std::string_view bytes);
  void check_length_of_line(size_t length);
  void refuse(int status, std::string sentence);
  void hear_line(std::string_view line);
  void hear_first_line(std::string_view line);
  void hear_field(std::string_view line);
  void hear_length(std::string_view value);
  void hear_connection(std::string_view value);
  void end_head();
  void hear_chunk_size(std::string_view line);

  /// What is known of the request that is being read.
  struct Framing {
    size_t field_bytes = 0;
    int fields = 0, hosts = 0;
    std::optional<uint64_t> length;
    bool chunked = false, expects_continue = false;
    bool target_names_host = false;
    uint64_t left = 0;  // of the body, or of its chunk
  };

  const Limits& limits_;
  State state_ = State::blank;
  std::optional<BadRequest> bad_;
  ReadRequest read_;
  Framing framing_;
  size_t scanned_ = 0;  // bytes of the line that has not ended, which are fine
};

}  // namespace mxpath::http
