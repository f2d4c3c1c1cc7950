// One connection: reads requests one after the other and writes their answers in order.
#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/random.h"
#include "server/http/exchange.h"
#include "server/http/header_text.h"
#include "server/http/loop.h"
#include "server/http/outbox.h"
#include "server/http/request_reader.h"

namespace mxpath::http {

class Connection;

/// What the connections of a server share; on the thread of the loop but for the counts.
struct ServerCore {
  Limits limits;
  Handler handler;
  std::function<Reply(int status, std::string_view sentence)> refusal;
  std::shared_ptr<Loop> loop;
  std::function<void(const Connection&)> forget;  ///< the connection is closed
  Random ids{0};
  bool draining = false;
  size_t body_bytes = 0;             ///< of requests that are being read
  std::array<char, 64 << 10> block;  ///< into which whoever reads reads
  std::atomic<int> connections = 0, streams = 0;
  std::atomic<uint64_t> requests = 0, refused = 0;
};

/// All on the thread of the loop. The next request is looked at when the answer to the one before has been written. A
/// read stays pending meanwhile, so that a client that closes is noticed at once; of one that has sent much ahead, with
/// the next tick or two.
class Connection final : public AnswerSink, public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerCore& core, std::shared_ptr<Descriptor> descriptor, std::string peer);

  void start() { read(); }
  /// An answer that the handler has no part in; the connection closes behind it.
  void refuse(int status, std::string_view sentence);
  /// Closes where a time is over, and keeps streams awake.
  void tick(Clock::time_point now);
  /// Closes where nothing is on its way; otherwise behind the answer.
  void drain();
  /// When it began to wait, if closing it now takes nothing from its client: it waits for a request of which nothing
  /// has come, after an answer or for longer than a client needs to send one.
  std::optional<Clock::time_point> idle_since(Clock::time_point now) const;
  void close();
  const std::string& peer() const { return peer_; }

  void reply(const Transfer& transfer, Reply reply) override;
  void begin_stream(const Transfer& transfer, const Headers& headers) override;
  void send(const Transfer& transfer, std::string_view events) override;
  void end_stream(const Transfer& transfer, bool whole) override;
  void abandon(const Transfer& transfer) override;
  void failed() override { close(); }

 private:
  /// `waiting`, `head` and `body`: for the next request; `lingering`: all is written, and what still comes is thrown
  /// away until the client closes, because closing with bytes unread would take the answer from it.
  enum class Phase { waiting, head, body, answering, lingering, closed };

  /// Where it throws, the connection is closed: nobody would wait for its socket any more.
  void guarded(void (Connection::*function)());
  void enter(Phase phase);
  void read();
  void readable();
  void client_ended();
  bool has_pipelined() const;
  bool next_is_whole() const;
  bool is_full() const { return in_.size() >= most_ahead; }
  void parse();
  bool count_body();
  void forget_body();
  void begin_transfer(ReadRequest read);
  void end_answer();
  void flush();
  void flush_soon();
  void all_written();
  void tick_answer(Clock::time_point now);
  void look_for_client(Clock::time_point now);

  /// What a client may send ahead while it is answered; more stays in the socket.
  static constexpr size_t most_ahead = 64 << 10;

  ServerCore& core_;
  const std::shared_ptr<Descriptor> descriptor_;
  const std::string peer_;

  Phase phase_ = Phase::waiting;
  Clock::time_point since_ = Clock::now();  // in this phase
  std::string in_;                          // read from the socket and not used up
  RequestReader reader_;
  size_t body_bytes_ = 0;  // as counted in the core
  bool reading_ = false;
  bool client_ended_ = false;  // nothing more will come
  bool has_answered_ = false;
  Clock::time_point probed_;  // whether it still takes anything

  std::shared_ptr<Transfer> transfer_;  // null: no request is being answered
  AnswerFrame frame_;
  enum class Answer { none, stream, ended } answer_ = Answer::none;
  bool close_after_ = false;

  Outbox outbox_;
  bool waits_for_room_ = false, flush_posted_ = false;
};

}  // namespace mxpath::http
