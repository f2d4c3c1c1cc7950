// HTTP/1.1 on one thread: requests come whole, answers leave from any thread, whole or as a stream of events.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace mxpath::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method, target;  ///< as sent: "GET", "/v1/models?x=1"
  std::string path, query;     ///< of the target: the path percent-decoded, the query as sent
  Headers headers;             ///< names in lower case, in the order in which they came
  std::string body;
  std::string peer;  ///< address of the client, without its port; "" for a Unix socket
  std::string id;    ///< its X-Request-Id where that is fit to be echoed, else one that was made

  /// "" where there is none; `name` in lower case.
  std::string_view header(std::string_view name) const;
  /// The value of a name in the query, percent-decoded; "": none.
  std::string parameter(std::string_view name) const;
};

struct Reply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers = {};
};

/// One request and the way back to its client. Every function may be called from any thread. What is sent after the
/// end, or to a client that is gone, is dropped.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const Request& request() const = 0;

  /// The whole answer.
  virtual void reply(Reply reply) = 0;

  /// 200 with text/event-stream; comment lines keep it awake while nothing is sent.
  virtual void begin_stream(Headers headers = {}) = 0;
  /// Whole events, "data: …\n\n" one or several.
  virtual void send(std::string events) = 0;
  /// The end of the stream; `whole` false closes the connection so that the client knows that something is missing.
  virtual void end_stream(bool whole = true) = 0;

  /// The client closed the connection, or took nothing for too long.
  virtual bool gone() const = 0;
  /// Called once, on the thread of the loop, when the client is gone before the answer has ended; at once where it is.
  /// What it holds is let go of then, or when the answer ends: whoever holds the exchange in it never lets that go.
  virtual void on_gone(std::function<void()> hear) = 0;
};

/// Called on the thread of the loop for each request that passed the limits; must not block. Whoever keeps the exchange
/// may answer later; one that is let go unanswered is answered with 500.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

struct Limits {
  size_t body_bytes = 16 << 20, header_bytes = 16 << 10, target_bytes = 8 << 10;
  size_t bodies_bytes = 512 << 20;  ///< of all bodies that are on their way; further ones are refused with 503
  int headers = 100;
  int connections = 2048, connections_of_an_address = 512;
  size_t outbox_bytes = 1 << 20;  ///< unsent bytes of one stream; a client that lets more pile up is gone
  double header_seconds = 10, body_seconds = 60, idle_seconds = 75;  ///< of a connection that waits for a request
  double write_seconds = 60;                                         ///< without progress
  double keepalive_seconds = 10;                                     ///< of silence in a stream
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;            ///< 0: any free one
  std::string unix_socket;    ///< a path instead of host and port
  int listening_socket = -1;  ///< of a supervisor (systemd), instead of all of these
  Limits limits = {};
};

struct Counts {
  int connections = 0, streams = 0;
  uint64_t requests = 0, refused = 0;  ///< refused: by limits, before the handler
};

class Server {
 public:
  /// Binds and listens. Errors: an address that cannot be bound (with what to do).
  /// `answer_refusal` makes the body of what the limits refuse (status, sentence), so that every face has its own form.
  static Result<std::unique_ptr<Server>> listen(
      const ServerOptions& options, Handler handler,
      std::function<Reply(int status, std::string_view sentence)> refusal = {});
  virtual ~Server() = default;

  virtual int port() const = 0;
  virtual std::string url() const = 0;  ///< "http://127.0.0.1:8080"
  /// Runs the loop on the calling thread until stop().
  virtual void run() = 0;
  /// From any thread. Idle connections close, the others after their answer. New ones are still let in, so that they
  /// can be told that the server ends; they close after one answer.
  virtual void drain() = 0;
  /// From any thread: ends run(); streams that are open are cut.
  virtual void stop() = 0;
  /// From any thread: runs the function on the thread of the loop, soon.
  virtual void post(std::function<void()> function) = 0;
  /// On the thread of the loop or before run(): calls the function again and again.
  virtual void every(std::chrono::milliseconds interval, std::function<void()> function) = 0;
  virtual Counts counts() const = 0;
};

}  // namespace mxpath::http
