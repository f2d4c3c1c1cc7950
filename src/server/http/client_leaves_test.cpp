// Clients that leave with bytes unread behind their request, and those that only end their sending.
#include <gtest/gtest.h>

#include <atomic>

#include "server/http/http_client_for_test.h"

namespace mxpath::http::test {
namespace {

using std::chrono::milliseconds;

const std::string get = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

std::string many(const std::string& text, size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += text;
  return out;
}

/// How a client leaves.
enum class Way { close, reset, half_closed_then_closed };

/// How long the server takes to notice that a client left that has sent `first` and `more`.
milliseconds time_to_notice(const std::string& first, const std::string& more, bool streams, Way way) {
  Kept kept;
  Running server(kept.handler());
  Client client = server.client();
  EXPECT_TRUE(client.send(first + more));
  const auto exchange = kept.get();
  if (streams) {
    exchange->begin_stream();
    client.head();
  }
  std::atomic<int> told = 0;
  exchange->on_gone([&] { ++told; });
  std::this_thread::sleep_for(milliseconds(10));
  EXPECT_FALSE(exchange->gone());
  if (way == Way::half_closed_then_closed) {
    client.end_sending();
    std::this_thread::sleep_for(milliseconds(200));
    EXPECT_FALSE(exchange->gone());
  }
  const auto begin = std::chrono::steady_clock::now();
  if (way == Way::reset) client.reset();
  else client.close();
  EXPECT_TRUE(soon([&] { return told == 1; }));
  const auto time = std::chrono::steady_clock::now() - begin;
  EXPECT_TRUE(exchange->gone());
  EXPECT_TRUE(soon([&] { return server->counts().connections == 0 && server->counts().streams == 0; }));
  return std::chrono::duration_cast<milliseconds>(time);
}

TEST(ClientLeaves, IsNoticedWhateverItSentAhead) {
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
  const std::string lasts = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  for (const std::string& first : {get, post, lasts, old}) {
    for (const std::string& more : {get, std::string("x"), many("x", 70'000), many(get, 70'000)}) {
      for (const bool streams : {false, true}) {
        for (const Way way : {Way::close, Way::reset})
          EXPECT_LT(time_to_notice(first, more, streams, way), milliseconds(500))
              << first << more.size() << streams << static_cast<int>(way);
      }
    }
  }
}

TEST(ClientLeaves, IsNoticedThoughItEndedItsSendingBefore) {
  for (const std::string& more : {get, many(get, 70'000)}) {
    for (const bool streams : {false, true})
      EXPECT_LT(time_to_notice(get, more, streams, Way::half_closed_then_closed), milliseconds(1500))
          << more.size() << streams;
  }
}

/// Nothing that could be answered is behind it, so it is gone: to end the sending is how clients leave, and an answer
/// costs more than a client that half-closes is worth (docs/serve.md).
TEST(ClientLeaves, HalfARequestIsNone) {
  Kept kept;
  Running server(kept.handler());
  size_t index = 0;
  for (const char* more : {"", "x", "GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", "\r\n"}) {
    Client client = server.client();
    ASSERT_TRUE(client.send(get + more));
    client.end_sending();
    const auto exchange = kept.get(index++);
    ASSERT_TRUE(exchange);
    EXPECT_TRUE(soon([&] { return exchange->gone(); })) << more;
    EXPECT_TRUE(client.at_end());
  }
}

TEST(ClientLeaves, WhoOnlyEndsItsSendingIsAnswered) {
  for (const size_t bytes : {size_t{1}, size_t{70'000}}) {
    Kept kept;
    Running server(kept.handler());
    Client client = server.client();
    const std::string more = many(get, bytes);
    const size_t count = more.size() / get.size() + 1;
    ASSERT_TRUE(client.send(get + more));
    client.end_sending();
    for (size_t i = 0; i < count; ++i) {
      const auto exchange = kept.get(i);
      ASSERT_TRUE(exchange);
      if (i == 0) std::this_thread::sleep_for(milliseconds(1200));  // the server looks whether the client is there
      exchange->reply({200, std::to_string(i)});
    }
    EXPECT_EQ(client.any_head().status, 100);
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(client.answer().body, std::to_string(i));
    EXPECT_TRUE(client.at_end());
  }
}

}  // namespace
}  // namespace mxpath::http::test
