// Whole requests and answers.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "server/http/http_client_for_test.h"

namespace mxpath::http::test {
namespace {

Reply echo(const Request& request) {
  return {200, request.method + " " + request.path + " " + request.body, "text/plain", {{"X-Seen", request.id}}};
}
Handler echoes() {
  return [](std::shared_ptr<Exchange> exchange) { exchange->reply(echo(exchange->request())); };
}

TEST(Server, AnswersOneAfterTheOther) {
  Running server(echoes());
  Client client = server.client();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.post("/a", "hello", "X-Request-Id: mine-1\r\n"));
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "POST /a hello");
    EXPECT_EQ(answer.headers.at("content-type"), "text/plain");
    EXPECT_EQ(answer.headers.at("x-request-id"), "mine-1");
    EXPECT_EQ(answer.headers.at("x-seen"), "mine-1");
    EXPECT_TRUE(answer.headers.contains("date"));
    EXPECT_FALSE(answer.headers.contains("connection"));
  }
  ASSERT_TRUE(client.get("/b", "Connection: close\r\n"));
  const Answer last = client.answer();
  EXPECT_EQ(last.headers.at("connection"), "close");
  EXPECT_EQ(last.headers.at("x-request-id").size(), 32u);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(server->counts().requests, 4u);
  client.close();
  EXPECT_TRUE(soon([&] { return server->counts().connections == 0; }));
}

TEST(Server, MadeIdsDiffer) {
  Running server(echoes());
  Client client = server.client();
  std::map<std::string, int> seen;
  for (const char* sent : {"", "a b", "a\tb", "<script>"}) {
    ASSERT_TRUE(client.get("/", "X-Request-Id: " + std::string(sent) + "\r\n"));
    const std::string id = client.answer().headers.at("x-request-id");
    EXPECT_NE(id, sent);
    ++seen[id];
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST(Server, HeadHasNoBody) {
  Running server(echoes());
  Client client = server.client();
  ASSERT_TRUE(client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"));
  const Answer head = client.answer(false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "8");
  ASSERT_TRUE(client.get("/y"));
  EXPECT_EQ(client.answer().body, "GET /y ");
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  Kept kept;
  std::atomic<int> count = 0;
  Running server([&](std::shared_ptr<Exchange> exchange) {
    if (++count % 2 == 0) return exchange->reply(echo(exchange->request()));
    std::thread([exchange] { exchange->reply(echo(exchange->request())); }).detach();
  });
  Client client = server.client();
  std::string all;
  for (int i = 0; i < 100; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(client.send(all));
  client.end_sending();  // they were all sent before, so they are answered
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.answer().body, "GET /" + std::to_string(i) + " ");
  EXPECT_TRUE(client.at_end());
}

TEST(Server, ReadsBodiesInPieces) {
  Running server(echoes());
  Client client = server.client();
  const std::string request =
      "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
  for (const char byte : request) {
    ASSERT_TRUE(client.send({&byte, 1}));
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  EXPECT_EQ(client.answer().body, "POST /p abcde");
  ASSERT_TRUE(client.send("POST /q HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client.line(), "HTTP/1.1 100 Continue");
  EXPECT_EQ(client.line(), "");
  ASSERT_TRUE(client.send("xyz"));
  EXPECT_EQ(client.answer().body, "POST /q xyz");
}

TEST(Server, CarriesLargeBodies) {
  Running server(echoes());
  Client client = server.client();
  const std::string large(10 << 20, 'x');
  std::thread sender([&] { EXPECT_TRUE(client.post("/", large)); });
  sender.join();
  const Answer answer = client.answer();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body.size(), large.size() + 7);
}

TEST(Server, SpeaksHttp10) {
  Running server(echoes());
  Client client = server.client();
  ASSERT_TRUE(client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_EQ(client.answer().headers.at("connection"), "keep-alive");
  ASSERT_TRUE(client.send("GET /b HTTP/1.0\r\n\r\n"));
  const Answer last = client.answer();
  EXPECT_EQ(last.body, "GET /b ");
  EXPECT_EQ(last.headers.at("connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Server, WhatIsNotAnsweredIs500) {
  Kept kept;
  const auto handler = kept.handler();
  Running server([&](std::shared_ptr<Exchange> exchange) {
    const std::string path = exchange->request().path;
    if (path == "/throws") throw std::runtime_error("no");
    if (path == "/kept-and-throws") {
      handler(exchange);
      throw 1;
    }
    if (path == "/answers-and-throws") {
      exchange->reply({201, "yes"});
      throw std::runtime_error("no");
    }
  });
  Client client = server.client();
  for (const char* path : {"/throws", "/kept-and-throws", "/let-go"}) {
    ASSERT_TRUE(client.get(path));
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 500) << path;
    EXPECT_NE(answer.body, "");
  }
  ASSERT_TRUE(client.get("/answers-and-throws"));
  EXPECT_EQ(client.answer().status, 201);
  kept.get()->reply({200, "late"});  // dropped
  ASSERT_TRUE(client.get("/let-go"));
  EXPECT_EQ(client.answer().status, 500);
}

TEST(Server, TheFirstAnswerCounts) {
  Running server([](std::shared_ptr<Exchange> exchange) {
    exchange->send("data: too early\n\n");
    exchange->reply({200, "first"});
    exchange->reply({200, "second"});
    exchange->begin_stream();
    exchange->send("data: x\n\n");
    exchange->end_stream();
  });
  Client client = server.client();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.get("/"));
    EXPECT_EQ(client.answer().body, "first");
  }
}

TEST(Server, OtherThreadsAnswerLater) {
  Kept kept;
  Running server(kept.handler());
  Client client = server.client();
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.get("/later"));
    const auto exchange = kept.get(i);
    ASSERT_TRUE(exchange);
    EXPECT_EQ(exchange->request().path, "/later");
    EXPECT_EQ(exchange->request().peer, "127.0.0.1");
    exchange->reply({200, std::to_string(i)});
    EXPECT_EQ(client.answer().body, std::to_string(i));
  }
}

TEST(Server, PostsAndRepeatsOnItsThread) {
  std::atomic<int> calls = 0;  // outlive the server, which ticks until it ends
  std::atomic<int> ticks = 0;
  Running server(echoes());
  server->post([&] { server->every(std::chrono::milliseconds(1), [&] { ++ticks; }); });
  for (int i = 0; i < 100; ++i) server->post([&] { ++calls; });
  server->post([] { throw std::runtime_error("is lost"); });
  EXPECT_TRUE(soon([&] { return calls == 100 && ticks >= 3; }));
  Client client = server.client();
  ASSERT_TRUE(client.get("/"));
  EXPECT_EQ(client.answer().status, 200);
}

TEST(Server, DrainLetsAnswersEnd) {
  Kept kept;
  Running server(kept.handler());
  Client idle = server.client();
  Client busy = server.client();
  Client streaming = server.client();
  Client late = server.client();
  ASSERT_TRUE(busy.get("/busy"));
  ASSERT_TRUE(kept.get(0));
  ASSERT_TRUE(streaming.get("/stream"));
  const auto stream = kept.get(1);
  ASSERT_TRUE(stream);
  stream->begin_stream();
  ASSERT_TRUE(late.get("/late"));
  ASSERT_TRUE(kept.get(2));
  EXPECT_TRUE(soon([&] { return server->counts().connections == 4; }));
  server->drain();
  EXPECT_TRUE(idle.at_end());
  Client fresh = server.client();  // is told by the handler that the server ends
  ASSERT_TRUE(fresh.get("/health"));
  ASSERT_TRUE(kept.get(3));
  kept.get(3)->reply({503, "ends"});
  const Answer told = fresh.answer();
  EXPECT_EQ(told.status, 503);
  EXPECT_EQ(told.headers.at("connection"), "close");
  EXPECT_TRUE(fresh.at_end());
  fresh.close();
  kept.get(0)->reply({200, "done"});
  const Answer answer = busy.answer();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(busy.at_end());
  kept.get(2)->begin_stream();
  kept.get(2)->end_stream();
  EXPECT_EQ(late.answer().headers.at("connection"), "close");
  late.close();
  stream->send("data: 1\n\n");
  stream->end_stream();
  EXPECT_EQ(streaming.answer().body, "data: 1\n\n");
  EXPECT_TRUE(streaming.at_end());
  busy.close();
  streaming.close();
  EXPECT_TRUE(soon([&] { return server->counts().connections == 0; }));
}

TEST(Server, ExchangesOutliveIt) {
  Kept kept;
  const int before = open_descriptors();
  {
    Running server(kept.handler());
    Client client = server.client();
    ASSERT_TRUE(client.get("/"));
    ASSERT_TRUE(kept.get());
    Client stream = server.client();
    ASSERT_TRUE(stream.get("/"));
    ASSERT_TRUE(kept.get(1));
    kept.get(1)->begin_stream();
    ASSERT_EQ(stream.head().status, 200);
    std::atomic<int> told = 0;
    kept.get(0)->on_gone([&] { ++told; });
    kept.get(1)->on_gone([&] { ++told; });
    server.destroy();
    EXPECT_EQ(told, 2);
    EXPECT_EQ(client.answer().status, 0);
    EXPECT_FALSE(stream.answer().whole);
  }
  EXPECT_TRUE(kept.get(0)->gone());
  kept.get(0)->reply({200, "x"});
  kept.get(1)->send("data: x\n\n");
  int told = 0;
  kept.get(1)->on_gone([&] { ++told; });
  EXPECT_EQ(told, 1);
  kept.let_go();
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace mxpath::http::test
