#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>

#include "server/http/connection.h"
#include "server/http/http.h"
#include "server/http/listener.h"
#include "server/http/loop.h"

namespace mxpath::http {
namespace {

/// So many in a row; then the others have their turn.
constexpr int most_accepted_at_once = 64;
/// How long nobody is let in where the system has no descriptor left.
constexpr auto pause_without_descriptors = std::chrono::milliseconds(100);
/// Those that are told that there are too many; further ones are closed without a word.
constexpr int most_turned_away = 64;

Reply plain_refusal(int status, std::string_view sentence) {
  return {status, std::string(sentence) + "\n", "text/plain; charset=utf-8"};
}

/// The same where the function throws, as the answer must be some.
std::function<Reply(int, std::string_view)> never_throwing(std::function<Reply(int, std::string_view)> refusal) {
  if (!refusal) return plain_refusal;
  return [refusal = std::move(refusal)](int status, std::string_view sentence) {
    try {
      return refusal(status, sentence);
    } catch (...) {
      return plain_refusal(status, sentence);
    }
  };
}

/// Often enough that the shortest time is kept to about a tenth, and that it is soon noticed who has left.
std::chrono::milliseconds tick_of(const Limits& limits) {
  const double shortest = std::min({limits.header_seconds, limits.body_seconds, limits.idle_seconds,
                                    limits.write_seconds, limits.keepalive_seconds});
  return std::chrono::milliseconds(static_cast<int>(std::clamp(shortest * 100, 5., 50.)));
}

class LoopServer final : public Server {
 public:
  LoopServer(const ServerOptions& options, Handler handler,
             std::function<Reply(int status, std::string_view sentence)> refusal, Listener listener);
  ~LoopServer() override;

  Status begin();

  int port() const override { return listener_.port(); }
  std::string url() const override { return listener_.url(); }
  void run() override;
  void drain() override {
    post([this] { drain_all(); });
  }
  void stop() override {
    post([this] { end(); });
  }
  void post(std::function<void()> function) override { core_.loop->post(std::move(function)); }
  void every(std::chrono::milliseconds interval, std::function<void()> function) override {
    core_.loop->every(interval, std::move(function));
  }
  Counts counts() const override { return {core_.connections, core_.streams, core_.requests, core_.refused}; }

 private:
  void wait_for_clients();
  void accept_some();
  bool let_some_in();
  void let_in(int fd, const std::string& peer);
  bool has_room() const;
  bool has_room_for(const std::string& peer) const;
  /// Closes the connection that has been idle for longest, of one address or of all; false: none is idle.
  bool close_an_idle_one(const std::string* peer);
  void forget(const Connection& connection);
  /// The function on each connection; it may close them.
  void for_each(const std::function<void(Connection&)>& function);
  void stop_listening();
  void drain_all();
  void close_all();
  void end();

  struct Entry {
    std::shared_ptr<Connection> connection;
    bool turned_away = false;
  };

  ServerCore core_;
  Listener listener_;
  std::shared_ptr<Descriptor> listening_;  // null: nobody is let in any more
  std::unordered_map<const Connection*, Entry> connections_;
  std::map<std::string, int> of_address_;
  int turned_away_ = 0;
};

LoopServer::LoopServer(const ServerOptions& options, Handler handler,
                       std::function<Reply(int status, std::string_view sentence)> refusal, Listener listener)
    : listener_(std::move(listener)) {
  core_.limits = options.limits;
  core_.handler = std::move(handler);
  core_.refusal = never_throwing(std::move(refusal));
  core_.loop = Loop::make();
  core_.forget = [this](const Connection& connection) { forget(connection); };
  std::random_device random;
  core_.ids = Random((uint64_t{random()} << 32) | random());
}

LoopServer::~LoopServer() {
  close_all();
  core_.loop->close();
}

Status LoopServer::begin() {
  listening_ = core_.loop->watch(listener_.take_fd());
  if (!listening_) return Error{"the system cannot wait for another socket; raise the limit of open files (ulimit -n)"};
  wait_for_clients();
  core_.loop->every(tick_of(core_.limits),
                    [this] { for_each([now = Clock::now()](Connection& connection) { connection.tick(now); }); });
  return {};
}

void LoopServer::run() {
  core_.loop->run();
  listener_.remove_file();
  core_.loop->close();
}

// Clients that come.

void LoopServer::wait_for_clients() {
  if (listening_) listening_->when_readable([this] { accept_some(); });
}

void LoopServer::accept_some() {
  bool room = false;
  try {
    room = let_some_in();
  } catch (...) {  // no memory for one client; the others must not wait for ever
  }
  if (room) return wait_for_clients();
  core_.loop->after(pause_without_descriptors, [this] { wait_for_clients(); });
}

/// False where the system has no descriptor left for another client, or no memory.
bool LoopServer::let_some_in() {
  for (int i = 0; i < most_accepted_at_once && listening_; ++i) {
    const Accepted client = accept_client(listening_->fd());
    const int error = client.error;
    if (client.fd >= 0) let_in(client.fd, client.peer);
    else if (error == EAGAIN || error == EWOULDBLOCK) break;
    else if (error != EINTR && error != ECONNABORTED && !close_an_idle_one(nullptr)) return false;
  }
  return true;
}

bool LoopServer::has_room() const {
  return static_cast<int>(connections_.size()) - turned_away_ < core_.limits.connections;
}

bool LoopServer::has_room_for(const std::string& peer) const {
  const auto known = of_address_.find(peer);
  return peer.empty() || known == of_address_.end() || known->second < core_.limits.connections_of_an_address;
}

bool LoopServer::close_an_idle_one(const std::string* peer) {
  const Clock::time_point now = Clock::now();
  std::shared_ptr<Connection> longest;
  std::optional<Clock::time_point> since;
  for (const auto& [_, entry] : connections_) {
    if (entry.turned_away || (peer && entry.connection->peer() != *peer)) continue;
    const auto its = entry.connection->idle_since(now);
    if (its && (!since || *its < *since)) longest = entry.connection, since = its;
  }
  if (longest) longest->close();
  return longest != nullptr;
}

void LoopServer::let_in(int fd, const std::string& peer) {
  const bool room = (has_room_for(peer) || close_an_idle_one(&peer)) && (has_room() || close_an_idle_one(nullptr));
  std::shared_ptr<Descriptor> descriptor = core_.loop->watch(fd);
  if (!descriptor) return;
  if (!room && turned_away_ >= most_turned_away) return descriptor->close();
  const auto connection = std::make_shared<Connection>(core_, std::move(descriptor), peer);
  connections_[connection.get()] = Entry{connection, !room};
  ++core_.connections;
  if (!room) {
    ++turned_away_;
    return connection->refuse(503, "too many connections are open; try again later");
  }
  if (!peer.empty()) ++of_address_[peer];
  connection->start();
}

void LoopServer::forget(const Connection& connection) {
  const auto entry = connections_.find(&connection);
  if (entry == connections_.end()) return;
  --core_.connections;
  if (entry->second.turned_away) {
    --turned_away_;
  } else if (const auto known = of_address_.find(connection.peer()); known != of_address_.end()) {
    if (--known->second == 0) of_address_.erase(known);
  }
  connections_.erase(entry);
}

// The end.

void LoopServer::for_each(const std::function<void(Connection&)>& function) {
  std::vector<std::shared_ptr<Connection>> all;
  for (const auto& [_, entry] : connections_) all.push_back(entry.connection);
  for (const auto& connection : all) function(*connection);
}

void LoopServer::stop_listening() {
  if (listening_) listening_->close();
  listening_.reset();
}

void LoopServer::drain_all() {
  core_.draining = true;
  for_each([](Connection& connection) { connection.drain(); });
}

void LoopServer::close_all() {
  stop_listening();
  for_each([](Connection& connection) { connection.close(); });
}

void LoopServer::end() {
  close_all();
  core_.loop->stop();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(const ServerOptions& options, Handler handler,
                                               std::function<Reply(int status, std::string_view sentence)> refusal) {
  MXPATH_TRY(Listener listener, open_listener(options));
  auto server = std::make_unique<LoopServer>(options, std::move(handler), std::move(refusal), std::move(listener));
  MXPATH_CHECK(server->begin());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace mxpath::http
