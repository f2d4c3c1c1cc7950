// An exchange without a connection, which keeps what is sent.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "server/http/http.h"

namespace mxpath::test {

class FakeExchange final : public http::Exchange {
 public:
  const http::Request& request() const override { return request_; }
  void reply(http::Reply reply) override { replies.push_back(std::move(reply)); }
  void begin_stream(http::Headers) override { ++begun; }
  void send(std::string events) override { sent += events; }
  void end_stream(bool whole) override { ended.push_back(whole); }
  bool gone() const override { return false; }
  void on_gone(std::function<void()>) override {}

  std::vector<http::Reply> replies;
  std::string sent;
  std::vector<bool> ended;
  int begun = 0;

 private:
  http::Request request_;
};

}  // namespace mxpath::test
