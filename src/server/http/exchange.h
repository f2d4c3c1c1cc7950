// What whoever answers holds of a request, and what its connection holds.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/http/http.h"
#include "server/http/loop.h"

namespace mxpath::http {

class Transfer;

/// Where answers go: the connection, on the thread of the loop. It drops what comes for a transfer that is not the
/// current one, or that has been answered.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void reply(const Transfer& transfer, Reply reply) = 0;
  virtual void begin_stream(const Transfer& transfer, const Headers& headers) = 0;
  virtual void send(const Transfer& transfer, std::string_view events) = 0;
  virtual void end_stream(const Transfer& transfer, bool whole) = 0;
  /// Nobody is left who could answer.
  virtual void abandon(const Transfer& transfer) = 0;
  /// One of these threw.
  virtual void failed() = 0;
};

/// One request on its way through a connection. It outlives the connection where somebody keeps its exchange.
class Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  Transfer(Request request_in, std::shared_ptr<Loop> loop, std::weak_ptr<AnswerSink> sink)
      : request(std::move(request_in)), loop_(std::move(loop)), sink_(std::move(sink)) {}

  const Request request;

  bool gone() const { return gone_; }
  void on_gone(std::function<void()> hear);
  /// Does it with the connection on the thread of the loop, unless the connection is closed by then.
  void post(std::function<void(AnswerSink&)> what);

  /// The client is gone: whoever listens is told. On the thread of the loop, as is the next.
  void lost();
  /// The answer has ended: nobody is told any more.
  void over();

 private:
  const std::shared_ptr<Loop> loop_;
  const std::weak_ptr<AnswerSink> sink_;
  std::atomic<bool> gone_ = false;
  std::mutex mutex_;
  bool over_ = false;
  std::vector<std::function<void()>> hears_;
};

std::shared_ptr<Exchange> make_exchange(std::shared_ptr<Transfer> transfer);

}  // namespace mxpath::http
