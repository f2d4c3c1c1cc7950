// Where a server listens, and what is said where it cannot.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "server/http/http_client_for_test.h"

namespace mxpath::http::test {
namespace {

Handler says_peer() {
  return [](std::shared_ptr<Exchange> exchange) { exchange->reply({200, "<" + exchange->request().peer + ">"}); };
}

std::string error_of(const ServerOptions& options) {
  const auto made = Server::listen(options, says_peer());
  return made.ok() ? "" : made.error().message;
}

std::string asked(Client client) {
  EXPECT_TRUE(client.connected());
  EXPECT_TRUE(client.get("/"));
  return client.answer().body;
}

TEST(Listen, OnAnyPort) {
  for (const char* host : {"127.0.0.1", "localhost", "0.0.0.0"}) {
    ServerOptions options;
    options.host = host;
    options.port = 0;
    Running server(says_peer(), options);
    EXPECT_GT(server->port(), 0);
    EXPECT_EQ(server->url(), "http://" + std::string(host) + ":" + std::to_string(server->port()));
    EXPECT_EQ(asked(server.client()), "<127.0.0.1>");
  }
}

TEST(Listen, OnBothFamilies) {
  ServerOptions options;
  options.host = "[::]";
  options.port = 0;
  auto made = Server::listen(options, says_peer());
  if (!made.ok()) GTEST_SKIP() << "no IPv6 here: " << made.error().message;
  EXPECT_EQ((*made)->url(), "http://[::]:" + std::to_string((*made)->port()));
  std::thread thread([&] { (*made)->run(); });
  EXPECT_EQ(asked(Client((*made)->port())), "<127.0.0.1>");
  (*made)->stop();
  thread.join();
}

TEST(Listen, SaysWhatIsInTheWay) {
  ServerOptions options;
  options.port = 0;
  Running server(says_peer(), options);
  options.port = server->port();
  EXPECT_NE(error_of(options).find("is taken by another program; choose another port"), std::string::npos);
  options.host = "192.0.2.1";
  EXPECT_NE(error_of(options).find("is no address of this computer"), std::string::npos);
  options.host = "no such host.invalid";
  EXPECT_NE(error_of(options).find("no address is known"), std::string::npos);
  options.host = "";
  EXPECT_NE(error_of(options).find("no host"), std::string::npos);
  options.host = "127.0.0.1";
  options.port = 65536;
  EXPECT_NE(error_of(options).find("between 1 and 65535"), std::string::npos);
}

class UnixSocket : public testing::Test {
 protected:
  UnixSocket() {
    char name[] = "/tmp/mxpath-listen-XXXXXX";
    folder = ::mkdtemp(name);
    options.unix_socket = folder + "/s";
  }
  ~UnixSocket() override { std::filesystem::remove_all(folder); }
  bool is_there() const { return std::filesystem::exists(std::filesystem::symlink_status(options.unix_socket)); }
  std::string folder;
  ServerOptions options;
};

TEST_F(UnixSocket, IsRemovedAtTheEnd) {
  {
    Running server(says_peer(), options);
    EXPECT_EQ(server->url(), "unix:" + options.unix_socket);
    EXPECT_EQ(server->port(), 0);
    EXPECT_EQ(asked(Client(options.unix_socket)), "<>");
    EXPECT_NE(error_of(options).find("another program listens there"), std::string::npos);
    EXPECT_EQ(asked(Client(options.unix_socket)), "<>");
  }
  EXPECT_FALSE(is_there());
}

TEST_F(UnixSocket, StaysWhileTheServerDrains) {
  Running server(says_peer(), options);
  server->drain();
  EXPECT_EQ(asked(Client(options.unix_socket)), "<>");
  EXPECT_TRUE(is_there());
  server.stop();
  EXPECT_FALSE(is_there());
  EXPECT_FALSE(Client(options.unix_socket).connected());
}

TEST_F(UnixSocket, AStaleOneIsReplaced) {
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    options.unix_socket.copy(at.sun_path, sizeof at.sun_path - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    ::close(fd);
  }
  ASSERT_TRUE(is_there());
  Running server(says_peer(), options);
  EXPECT_EQ(asked(Client(options.unix_socket)), "<>");
}

TEST_F(UnixSocket, NothingElseIsReplaced) {
  std::ofstream(options.unix_socket) << "mine";
  EXPECT_NE(error_of(options).find("no socket"), std::string::npos);
  EXPECT_TRUE(is_there());
  options.unix_socket = folder + "/missing/s";
  EXPECT_NE(error_of(options).find("check the folder"), std::string::npos);
  options.unix_socket = folder + "/" + std::string(200, 'x');
  EXPECT_NE(error_of(options).find("too long"), std::string::npos);
}

TEST_F(UnixSocket, OneOfAnotherServerStays) {
  Running server(says_peer(), options);
  std::filesystem::remove(options.unix_socket);
  Running other(says_peer(), options);
  server.stop();
  server.destroy();
  EXPECT_TRUE(is_there());
  EXPECT_EQ(asked(Client(options.unix_socket)), "<>");
}

TEST(Listen, TakesASocketOver) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  ServerOptions options;
  options.listening_socket = fd;
  EXPECT_NE(error_of(options).find("no socket that listens"), std::string::npos);
  ASSERT_EQ(::listen(fd, 10), 0);
  Running server(says_peer(), options);
  EXPECT_EQ(server->url(), "http://127.0.0.1:" + std::to_string(server->port()));
  EXPECT_EQ(asked(server.client()), "<127.0.0.1>");
  options.listening_socket = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_NE(error_of(options).find("no socket that listens"), std::string::npos);
  ::close(options.listening_socket);
}

TEST(Listen, MayEndBeforeItRuns) {
  const int before = open_descriptors();
  {
    ServerOptions options;
    options.port = 0;
    auto made = Server::listen(options, says_peer());
    ASSERT_TRUE(made.ok());
    (*made)->stop();
    (*made)->run();  // returns at once
  }
  {
    ServerOptions options;
    options.port = 0;
    ASSERT_TRUE(Server::listen(options, says_peer()).ok());
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace mxpath::http::test
