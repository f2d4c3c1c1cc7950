// What the limits refuse, and how clients are told.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "server/http/http_client_for_test.h"

namespace mxpath::http::test {
namespace {

Handler ok() {
  return [](std::shared_ptr<Exchange> exchange) { exchange->reply({200, "ok"}); };
}

Limits small() {
  Limits limits;
  limits.body_bytes = 1000;
  limits.header_bytes = 500;
  limits.target_bytes = 100;
  limits.headers = 10;
  limits.header_seconds = limits.body_seconds = limits.idle_seconds = 0.1;
  return limits;
}

/// The status with which a server of small limits answers bytes, after which it closes.
int refused_with(Running& server, std::string_view bytes) {
  Client client = server.client();
  EXPECT_TRUE(client.send(bytes));
  const Answer answer = client.answer();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_EQ(answer.headers.at("x-request-id").size(), 32u);
  EXPECT_GT(answer.body.size(), 10u);
  EXPECT_TRUE(client.at_end());
  return answer.status;
}

TEST(ServerLimits, EachHasItsStatus) {
  Running server(ok(), small());
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(refused_with(server, "GET /" + std::string(2000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
  EXPECT_EQ(refused_with(server, get + "X: " + std::string(5000, 'a') + "\r\n\r\n"), 431);
  EXPECT_EQ(refused_with(server, get + "A:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n"), 431);
  EXPECT_EQ(refused_with(server, get + "Content-Length: 1001\r\n\r\n"), 413);
  EXPECT_EQ(refused_with(server, get + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n"), 413);
  EXPECT_EQ(refused_with(server, get + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na"), 400);
  EXPECT_EQ(refused_with(server, get + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na"), 400);
  EXPECT_EQ(refused_with(server, get + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), 400);
  EXPECT_EQ(refused_with(server, get + "A: b\rc\r\n\r\n"), 400);
  EXPECT_EQ(refused_with(server, get + std::string("A: b\0c\r\n\r\n", 10)), 400);
  EXPECT_EQ(server->counts().refused, 10u);
  EXPECT_EQ(server->counts().requests, 0u);
}

/// A body that is still coming must not take the answer from the client.
TEST(ServerLimits, AHugeBodyIsAnsweredWhileItComes) {
  Running server(ok(), small());
  Client client = server.client();
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n"));
  const std::string some(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(client.send(some));
  EXPECT_EQ(client.answer().status, 413);
}

TEST(ServerLimits, SlowRequestsAre408) {
  Running server(ok(), small());
  EXPECT_EQ(refused_with(server, "G"), 408);
  EXPECT_EQ(refused_with(server, "GET / HTTP/1.1\r\nHost: a\r\n"), 408);
  EXPECT_EQ(refused_with(server, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab"), 408);
  EXPECT_EQ(refused_with(server, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n"), 408);
}

/// A byte now and then does not keep it open.
TEST(ServerLimits, DripsAreSlowToo) {
  Running server(ok(), small());
  Client client = server.client();
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789\r\n\r\n";
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < request.size() && std::chrono::steady_clock::now() - begin < std::chrono::seconds(1); ++i) {
    if (!client.send(request.substr(i, 1))) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(client.answer().status, 408);
}

TEST(ServerLimits, IdleConnectionsCloseSilently) {
  Running server(ok(), small());
  Client fresh = server.client();
  Client used = server.client();
  ASSERT_TRUE(used.get("/"));
  EXPECT_EQ(used.answer().status, 200);
  EXPECT_TRUE(used.at_end());
  EXPECT_TRUE(fresh.at_end());
  EXPECT_EQ(server->counts().refused, 0u);
  EXPECT_TRUE(soon([&] { return server->counts().connections == 0; }));
}

TEST(ServerLimits, TooManyConnectionsAreTold) {
  Limits limits;
  limits.connections = 3;
  limits.connections_of_an_address = 2;
  Running server(ok(), limits);
  Client one = server.client();
  Client two = server.client();
  for (Client* client : {&one, &two}) ASSERT_TRUE(client->send("GET / HTTP/1.1\r\n"));  // neither is idle
  for (int i = 0; i < 2; ++i) {
    Client three = server.client();
    ASSERT_TRUE(three.get("/"));
    const Answer answer = three.answer();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(three.at_end());
  }
  ASSERT_TRUE(one.send("Host: a\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(one.answer().status, 200);
  two.close();
  EXPECT_TRUE(soon([&] {
    Client next = server.client();
    return next.get("/") && next.answer().status == 200;
  }));
}

TEST(ServerLimits, AllBodiesTogetherHaveALimit) {
  Limits limits;
  limits.bodies_bytes = 1000;
  Running server(ok(), limits);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
  Client first = server.client();
  Client second = server.client();
  Client third = server.client();
  ASSERT_TRUE(first.send(head + std::string(600, 'x')));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(second.send(head + std::string(600, 'x')));
  EXPECT_EQ(second.answer().status, 503);
  ASSERT_TRUE(third.send(head));  // takes no room before it comes
  ASSERT_TRUE(first.send(std::string(300, 'x')));
  EXPECT_EQ(first.answer().status, 200);
  ASSERT_TRUE(third.send(std::string(900, 'x')));
  EXPECT_EQ(third.answer().status, 200);
  {
    Client leaves = server.client();
    ASSERT_TRUE(leaves.send(head + std::string(800, 'x')));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(soon([&] { return server->counts().connections <= 3; }));
  ASSERT_TRUE(first.send(head + std::string(900, 'x')));
  EXPECT_EQ(first.answer().status, 200);
}

TEST(ServerLimits, FacesSayItInTheirWay) {
  ServerOptions options;
  options.port = 0;
  options.limits = small();
  auto made = Server::listen(options, ok(), [](int status, std::string_view sentence) {
    return Reply{status, "<" + std::string(sentence) + ">", "application/json", {{"x-should-retry", "false"}}};
  });
  ASSERT_TRUE(made.ok());
  std::thread thread([&] { (*made)->run(); });
  Client client((*made)->port());
  ASSERT_TRUE(client.send("nonsense\r\n"));
  const Answer answer = client.answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body.front(), '<');
  EXPECT_EQ(answer.headers.at("x-should-retry"), "false");
  (*made)->stop();
  thread.join();
}

/// A face that throws takes neither the answer nor the clients behind it.
TEST(ServerLimits, GoesOnWhereTheRefusalThrows) {
  ServerOptions options;
  options.port = 0;
  options.limits.connections = 1;
  auto made = Server::listen(options, ok(), [](int, std::string_view) -> Reply { throw 1; });
  ASSERT_TRUE(made.ok());
  std::thread thread([&] { (*made)->run(); });
  Client first((*made)->port());
  ASSERT_TRUE(first.get("/"));
  EXPECT_EQ(first.answer().status, 200);
  ASSERT_TRUE(first.send("GET / HTTP/1.1\r\n"));  // it is not idle, so it makes no room
  EXPECT_EQ(Client((*made)->port()).answer().status, 503);
  ASSERT_TRUE(first.send("nonsense\r\n"));
  EXPECT_EQ(first.answer().status, 400);
  first.close();
  EXPECT_TRUE(soon([&] {
    Client next((*made)->port());
    return next.get("/") && next.answer().status == 200;
  }));
  (*made)->stop();
  thread.join();
}

/// A client that connects while this process can have no further descriptor, until its end.
class WithoutDescriptors {
 public:
  explicit WithoutDescriptors(int port) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // the next descriptor is not to be had
    const rlimit none{static_cast<rlim_t>(fd_) + 1, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<uint16_t>(port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  }
  ~WithoutDescriptors() {
    raise();
    ::close(fd_);
  }
  WithoutDescriptors(const WithoutDescriptors&) = delete;
  WithoutDescriptors& operator=(const WithoutDescriptors&) = delete;
  void raise() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }
  int fd() const { return fd_; }

 private:
  rlimit before_{};
  int fd_ = -1;
};

/// Clients that cannot be accepted wait until another has its answer.
TEST(ServerLimits, GoesOnWithoutDescriptors) {
  Kept kept;
  Running server(kept.handler());
  Client first = server.client();
  // A whole turn before: what looks at types under a sanitizer needs descriptors when it meets one for the first time.
  ASSERT_TRUE(first.get("/"));
  ASSERT_TRUE(kept.get(0));
  kept.get(0)->reply({200, "ok"});
  EXPECT_EQ(first.answer().status, 200);
  ASSERT_TRUE(first.get("/"));
  const auto exchange = kept.get(1);
  ASSERT_TRUE(exchange);
  Client second = server.client();
  ASSERT_TRUE(second.get("/"));
  ASSERT_TRUE(kept.get(2));
  WithoutDescriptors third(server->port());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(server->counts().connections, 2) << "whose answers are on their way stay";
  exchange->reply({200, "ok"});  // who is in is served
  EXPECT_EQ(first.answer().status, 200);
  // It waits for nothing now, so it makes room for who came; that one was refused as long as descriptors were short.
  EXPECT_TRUE(first.at_end());
  const std::string get = "GET /third HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(::send(third.fd(), get.data(), get.size(), MSG_NOSIGNAL), std::ssize(get));
  ASSERT_TRUE(kept.get(3));
  EXPECT_EQ(kept.get(3)->request().path, "/third");
  EXPECT_EQ(server->counts().connections, 2);
}

// Clients that keep their connections and ask nothing kept all others out.
TEST(ServerLimits, IdleConnectionsMakeRoom) {
  for (const bool of_an_address : {false, true}) {
    Limits limits;
    (of_an_address ? limits.connections_of_an_address : limits.connections) = 2;
    Running server(ok(), limits);
    Client one = server.client();
    Client two = server.client();
    for (Client* client : {&one, &two}) {
      ASSERT_TRUE(client->get("/"));
      ASSERT_EQ(client->answer().status, 200);
    }
    ASSERT_TRUE(two.send("GET / HTTP/1.1\r\n"));  // it is asking again
    Client three = server.client();
    ASSERT_TRUE(three.get("/"));
    EXPECT_EQ(three.answer().status, 200);
    EXPECT_TRUE(one.at_end());
    ASSERT_TRUE(two.send("Host: a\r\n\r\n"));
    EXPECT_EQ(two.answer().status, 200);
  }
}

}  // namespace
}  // namespace mxpath::http::test
