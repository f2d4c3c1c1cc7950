// Streams of events, and clients that leave.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <vector>

#include "server/http/http_client_for_test.h"

namespace mxpath::http::test {
namespace {

using std::chrono::milliseconds;

std::string event_of(int i) { return "data: " + std::to_string(i) + "\n\n"; }

/// A stream that has begun, and its client.
struct Open {
  Open(Running& server, Kept& kept, size_t index = 0, int receive_buffer = 0) : client(server->port(), receive_buffer) {
    EXPECT_TRUE(client.get("/stream"));
    exchange = kept.get(index);
    EXPECT_TRUE(exchange);
    exchange->begin_stream({{"X-More", "1"}});
    head = client.head();
  }
  Client client;
  std::shared_ptr<Exchange> exchange;
  Answer head;
};

TEST(Stream, SendsEventsInChunks) {
  Kept kept;
  Running server(kept.handler());
  Open open(server, kept);
  EXPECT_EQ(open.head.status, 200);
  EXPECT_EQ(open.head.headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(open.head.headers.at("cache-control"), "no-cache");
  EXPECT_EQ(open.head.headers.at("x-accel-buffering"), "no");
  EXPECT_EQ(open.head.headers.at("x-more"), "1");
  EXPECT_EQ(server->counts().streams, 1);
  for (int i = 0; i < 3; ++i) {
    open.exchange->send(event_of(i));
    EXPECT_EQ(open.client.event(), "data: " + std::to_string(i));
  }
  open.exchange->send("data: a\n\ndata: b\n\n");
  open.exchange->end_stream();
  open.exchange->send("data: dropped\n\n");
  EXPECT_EQ(open.client.event(), "data: a");
  EXPECT_EQ(open.client.event(), "data: b");
  EXPECT_EQ(open.client.event(), "");
  EXPECT_TRUE(soon([&] { return server->counts().streams == 0; }));
  ASSERT_TRUE(open.client.get("/again"));  // the connection stays
  kept.get(1)->reply({200, "again"});
  EXPECT_EQ(open.client.answer().body, "again");
  EXPECT_FALSE(open.exchange->gone());
}

TEST(Stream, HeadEndsAtOnce) {
  Running server([](std::shared_ptr<Exchange> exchange) {
    exchange->begin_stream();
    exchange->send("data: x\n\n");
    exchange->end_stream();
  });
  Client client = server.client();
  ASSERT_TRUE(client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(client.answer(false).status, 200);
  EXPECT_EQ(client.answer().body, "data: x\n\n");
  EXPECT_EQ(server->counts().streams, 0);
}

TEST(Stream, OldClientsReadToTheEnd) {
  Running server([](std::shared_ptr<Exchange> exchange) {
    exchange->begin_stream();
    exchange->send("data: x\n\n");
    exchange->end_stream();
  });
  Client client = server.client();
  ASSERT_TRUE(client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  const std::string all = client.read_all();
  EXPECT_TRUE(all.ends_with("\r\n\r\ndata: x\n\n")) << all;
  EXPECT_EQ(all.find("chunked"), std::string::npos);
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
}

TEST(Stream, WhatIsMissingIsSeen) {
  Kept kept;
  Running server(kept.handler());
  Open cut(server, kept);
  cut.exchange->send("data: 1\n\n");
  cut.exchange->end_stream(false);
  EXPECT_EQ(cut.client.read_all(), "9\r\ndata: 1\n\n\r\n");  // and no last chunk
  Open let_go(server, kept, 1);
  let_go.exchange->send("data: 1\n\n");
  let_go.exchange.reset();
  kept.let_go();
  EXPECT_EQ(let_go.client.read_all(), "9\r\ndata: 1\n\n\r\n");
}

TEST(Stream, CommentsKeepItAwake) {
  Kept kept;
  Limits limits;
  limits.keepalive_seconds = 0.05;
  Running server(kept.handler(), limits);
  Open open(server, kept);
  EXPECT_EQ(open.client.event(), ": keepalive");
  EXPECT_EQ(open.client.event(), ": keepalive");
  open.exchange->send(event_of(1));
  std::string next;
  while ((next = open.client.event()) == ": keepalive") {
  }
  EXPECT_EQ(next, "data: 1");
  open.exchange->end_stream();
  while ((next = open.client.event()) == ": keepalive") {
  }
  EXPECT_EQ(next, "");
}

/// Closed, reset, or half closed with nothing more to come: heard at once, whether or not a stream has begun.
TEST(Stream, HearsAtOnceWhoLeaves) {
  Kept kept;
  Running server(kept.handler());
  size_t index = 0;
  int slow = 0;  // on a busy machine a thread may get no processor for longer
  for (const bool streams : {false, true}) {
    for (int way = 0; way < 3; ++way) {
      Client client = server.client();
      ASSERT_TRUE(client.get("/"));
      const auto exchange = kept.get(index++);
      ASSERT_TRUE(exchange);
      if (streams) exchange->begin_stream();
      if (streams) client.head();
      std::atomic<int> told = 0;
      exchange->on_gone([&] { ++told; });
      std::this_thread::sleep_for(milliseconds(10));
      EXPECT_FALSE(exchange->gone());
      const auto begin = std::chrono::steady_clock::now();
      if (way == 0) client.close();
      if (way == 1) client.reset();
      if (way == 2) client.end_sending();
      EXPECT_TRUE(soon([&] { return told == 1; }));
      if (std::chrono::steady_clock::now() - begin > milliseconds(50)) ++slow;
      EXPECT_TRUE(exchange->gone());
      std::atomic<int> late = 0;
      exchange->on_gone([&] { ++late; });
      EXPECT_TRUE(soon([&] { return late == 1; }));
      EXPECT_EQ(told, 1);
    }
  }
  EXPECT_LE(slow, 2);
  EXPECT_TRUE(soon([&] { return server->counts().connections == 0 && server->counts().streams == 0; }));
}

TEST(Stream, NobodyIsToldAfterTheEnd) {
  Kept kept;
  Running server(kept.handler());
  Client client = server.client();
  ASSERT_TRUE(client.get("/"));
  const auto exchange = kept.get();
  ASSERT_TRUE(exchange);
  std::atomic<int> told = 0;
  auto held = std::make_shared<int>();
  const std::weak_ptr<int> is_held = held;
  exchange->on_gone([&told, held = std::move(held)] { ++told; });
  EXPECT_FALSE(is_held.expired());
  exchange->reply({200, "x"});
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_TRUE(is_held.expired());
  client.reset();
  EXPECT_TRUE(soon([&] { return server->counts().connections == 0; }));
  exchange->on_gone([&] { ++told; });
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(exchange->gone());
}

TEST(Stream, WhoLetsTooMuchPileUpIsGone) {
  Kept kept;
  Limits limits;
  limits.outbox_bytes = 2 << 20;
  limits.keepalive_seconds = 0.5;
  Running server(kept.handler(), limits);
  Open once(server, kept, 0, 4096);
  once.exchange->send("data: " + std::string(30 << 20, 'x') + "\n\n");
  EXPECT_TRUE(soon([&] { return once.exchange->gone(); }));
  Open always(server, kept, 1, 4096);
  const std::string event = "data: " + std::string(1 << 20, 'x') + "\n\n";
  for (int i = 0; i < 50; ++i) always.exchange->send(event);
  EXPECT_TRUE(soon([&] { return always.exchange->gone(); }));
  EXPECT_TRUE(soon([&] { return server->counts().connections == 0; }));
}

TEST(Stream, WhoTakesNothingIsGone) {
  Kept kept;
  Limits limits;
  limits.write_seconds = 0.1;
  Running server(kept.handler(), limits);
  Client client(server->port(), 4096);
  ASSERT_TRUE(client.get("/"));
  ASSERT_TRUE(kept.get());
  kept.get()->reply({200, std::string(30 << 20, 'x')});
  EXPECT_TRUE(soon([&] { return server->counts().connections == 0; }));
  EXPECT_FALSE(client.answer().whole);
}

TEST(Stream, WhoTakesALittleNowAndThenIsServed) {
  Kept kept;
  Limits limits;
  limits.write_seconds = 0.5;
  Running server(kept.handler(), limits);
  Client client = server.client();
  ASSERT_TRUE(client.get("/"));
  ASSERT_TRUE(kept.get());
  kept.get()->reply({200, std::string(30 << 20, 'x')});
  ASSERT_EQ(client.head().status, 200);
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(client.take(1 << 20).size(), size_t{1} << 20) << i;
    std::this_thread::sleep_for(milliseconds(40));
  }
}

/// A burst at the end of a stream is more than the outbox, but the client takes it.
TEST(Stream, ABurstToOneWhoReadsIsFine) {
  Kept kept;
  Limits limits;
  limits.outbox_bytes = 1 << 20;
  Running server(kept.handler(), limits);
  Open open(server, kept);
  const std::string event = "data: " + std::string(1 << 20, 'x') + "\n\n";
  for (int i = 0; i < 8; ++i) open.exchange->send(event);
  open.exchange->end_stream();
  for (int i = 0; i < 8; ++i) ASSERT_EQ(open.client.event().size(), event.size() - 2);
  EXPECT_EQ(open.client.event(), "");
}

TEST(Stream, EightThreadsSendAtOnce) {
  Kept kept;
  Running server(kept.handler());
  Open open(server, kept);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) open.exchange->send(event_of(t * 1000 + i));
    });
  }
  std::vector<int> next(8);
  for (int i = 0; i < 8 * 500; ++i) {
    const int number = std::atoi(open.client.event().c_str() + 6);
    ASSERT_EQ(number % 1000, next[static_cast<size_t>(number / 1000)]++);
  }
  for (std::thread& thread : threads) thread.join();
  open.exchange->end_stream();
  EXPECT_EQ(open.client.event(), "");
}

TEST(Stream, ManyAtOnceDoNotDisturbEachOther) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  const int count = files.rlim_max > 2500 ? 1000 : 200;
  constexpr int events = 20;
  Kept kept;
  Limits limits;
  limits.connections = limits.connections_of_an_address = 2 * count;
  const int before = open_descriptors();
  {
    Running server(kept.handler(), limits);
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i) {
      clients.push_back(server.client());
      ASSERT_TRUE(clients.back().get("/"));
    }
    const auto all = static_cast<size_t>(count);
    ASSERT_TRUE(kept.get(all - 1));
    std::atomic<int> told = 0;
    for (size_t i = 0; i < all; ++i) {
      kept.get(i)->on_gone([&] { ++told; });
      kept.get(i)->begin_stream({{"X-Path", kept.get(i)->request().path}});
    }
    // One in five closes or resets in the middle, one in five reads nothing until the end.
    for (int e = 0; e < events; ++e) {
      for (size_t i = 0; i < all; ++i) kept.get(i)->send(event_of(e));
      if (e != events / 2) continue;
      for (size_t i = 0; i < all; i += 10) clients[i].reset();
      for (size_t i = 5; i < all; i += 10) clients[i].close();
    }
    for (size_t i = 0; i < all; ++i) {
      if (i % 5 == 0 || i % 5 == 1) continue;
      ASSERT_EQ(clients[i].head().status, 200);
      for (int e = 0; e < events; ++e) ASSERT_EQ(clients[i].event() + "\n\n", event_of(e)) << i;
    }
    EXPECT_TRUE(soon([&] { return told == count / 5; }));
    EXPECT_EQ(server->counts().streams, count - count / 5);
    for (size_t i = 0; i < all; ++i) kept.get(i)->end_stream();
    for (size_t i = 1; i < all; i += 5) ASSERT_TRUE(clients[i].answer().whole);
    EXPECT_TRUE(soon([&] { return server->counts().streams == 0; }));
    clients.clear();
    EXPECT_TRUE(soon([&] { return server->counts().connections == 0; }));
    EXPECT_EQ(server->counts().requests, all);
  }
  kept.let_go();
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace mxpath::http::test
