#include "server/supervisor.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

#include "checkpoint/test_folder.h"

namespace mxpath::server {
namespace {

class Supervised : public testing::Test {
 protected:
  ~Supervised() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS"})
      ::unsetenv(name);
  }
  static void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }
};

TEST_F(Supervised, HearsWhatIsTold) {
  const TestFolder folder;
  const std::string path = folder / "notify";
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  set("NOTIFY_SOCKET", path);
  notify_supervisor("READY=1");
  char heard[32] = {};
  EXPECT_EQ(::recv(socket, heard, sizeof heard, MSG_DONTWAIT), 7);
  EXPECT_STREQ(heard, "READY=1");
  ::close(socket);
  notify_supervisor("READY=1");  // nobody listens any more
}

TEST_F(Supervised, WatchdogAndSocketAreForTheirProcessAlone) {
  EXPECT_EQ(watchdog_seconds(), 0);
  EXPECT_EQ(passed_socket(), -1);
  set("WATCHDOG_USEC", "2000000");
  EXPECT_EQ(watchdog_seconds(), 2);
  set("WATCHDOG_PID", "1");
  EXPECT_EQ(watchdog_seconds(), 0);
  set("WATCHDOG_USEC", "soon");
  set("LISTEN_FDS", "1");
  set("LISTEN_PID", "1");
  EXPECT_EQ(passed_socket(), -1);
  set("LISTEN_PID", std::to_string(::getpid()));
  EXPECT_EQ(passed_socket(), 3);
}

// A socket on every address that was passed in counted as one of this computer alone.
TEST(PassedSockets, AreReachableByTheirAddress) {
  const auto bound = [](in_addr_t at) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(at);
    EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const bool reachable = is_reachable(socket);
    ::close(socket);
    return reachable;
  };
  EXPECT_FALSE(bound(INADDR_LOOPBACK));
  EXPECT_TRUE(bound(INADDR_ANY));
  EXPECT_TRUE(is_reachable(-1)) << "what cannot be asked";
}

}  // namespace
}  // namespace mxpath::server
