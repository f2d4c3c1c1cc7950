#include "server/http/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace mxpath::http {
namespace {

std::string new_id(Random& random) { return fmt::format("{:016x}{:016x}", random.next(), random.next()); }

}  // namespace

Connection::Connection(ServerCore& core, std::shared_ptr<Descriptor> descriptor, std::string peer)
    : core_(core), descriptor_(std::move(descriptor)), peer_(std::move(peer)), reader_(core.limits) {}

void Connection::enter(Phase phase) {
  phase_ = phase;
  since_ = Clock::now();
}

void Connection::guarded(void (Connection::*function)()) {
  try {
    (this->*function)();
  } catch (...) {
    close();
  }
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  enter(Phase::closed);
  const auto self = shared_from_this();  // what is called here may let go of the last other pointer
  descriptor_->close();
  forget_body();
  if (answer_ == Answer::stream) --core_.streams;
  if (transfer_ && answer_ != Answer::ended) transfer_->lost();
  transfer_.reset();  // it holds the loop, in which this connection may still wait
  core_.forget(*this);
}

// Reading.

void Connection::read() {
  if (phase_ == Phase::closed || reading_ || client_ended_) return;
  if (transfer_ && is_full()) return;  // goes on when the answer has been written
  reading_ = true;
  descriptor_->when_readable([self = shared_from_this()] {
    self->reading_ = false;
    self->guarded(&Connection::readable);
  });
}

void Connection::readable() {
  std::array<char, 64 << 10>& block = core_.block;
  const ssize_t count = ::recv(descriptor_->fd(), block.data(), block.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return read();
  if (count < 0) return close();
  if (count == 0) return client_ended();
  if (close_after_ && (!transfer_ || phase_ == Phase::lingering)) return read();  // nothing more will be answered
  in_.append(block.data(), static_cast<size_t>(count));
  if (transfer_) read();
  else parse();
}

bool Connection::has_pipelined() const { return in_.find_first_not_of("\r\n") != in_.npos; }

/// Whoever has ended its sending looks like one that has closed, and most have: they are gone, unless another whole
/// request was sent ahead, which only a client does that waits for the answers.
void Connection::client_ended() {
  client_ended_ = true;
  if (phase_ != Phase::answering) return close();
  if (!transfer_ || answer_ == Answer::ended) return;  // the answer is ready
  if (close_after_ || !next_is_whole()) return close();
  look_for_client(Clock::now());
}

/// Whether the client has sent all of another request ahead.
bool Connection::next_is_whole() const {
  RequestReader next(core_.limits);
  next.feed(in_);
  return next.take().has_value();
}

void Connection::parse() {
  in_.erase(0, reader_.feed(in_));
  if (const auto& bad = reader_.bad()) return refuse(bad->status, bad->sentence);
  if (!count_body()) return refuse(503, "too much is being sent by all clients together; try again later");
  if (auto request = reader_.take()) return begin_transfer(std::move(*request));
  if (client_ended_) return close();
  if (reader_.take_expectation()) {
    outbox_.add("HTTP/1.1 100 Continue\r\n\r\n");
    flush();
  }
  const Phase next = reader_.head_is_read() ? Phase::body : reader_.has_begun() ? Phase::head : Phase::waiting;
  if (next != phase_ && phase_ != Phase::closed) enter(next);
  read();
}

/// False where all bodies together are too long.
bool Connection::count_body() {
  core_.body_bytes += reader_.body_bytes() - body_bytes_;
  body_bytes_ = reader_.body_bytes();
  return body_bytes_ == 0 || core_.body_bytes <= core_.limits.bodies_bytes;
}

/// It is the transfer's from now on, or nobody's.
void Connection::forget_body() { core_.body_bytes -= std::exchange(body_bytes_, 0); }

void Connection::begin_transfer(ReadRequest read) {
  forget_body();
  enter(Phase::answering);
  ++core_.requests;
  Request request = std::move(read.request);
  if (request.id.empty()) request.id = new_id(core_.ids);
  request.peer = peer_;
  close_after_ = !read.keep_alive;
  frame_ = AnswerFrame{request.id, request.method == "HEAD", read.http_1_0, false};
  answer_ = Answer::none;
  transfer_ = std::make_shared<Transfer>(std::move(request), core_.loop, weak_from_this());
  try {
    core_.handler(make_exchange(transfer_));
  } catch (...) {
    core_.loop->post([self = shared_from_this(), transfer = transfer_] { self->abandon(*transfer); });
  }
  // Behind what the handler has answered, if it has: who closed while it was answered gets its answer.
  core_.loop->post([self = shared_from_this()] { self->guarded(&Connection::read); });
}

// Answers.

void Connection::refuse(int status, std::string_view sentence) {
  if (phase_ == Phase::closed) return;
  enter(Phase::answering);
  ++core_.refused;
  close_after_ = true;
  in_.clear();
  forget_body();
  reader_.forget();
  outbox_.add(whole_answer(core_.refusal(status, sentence), AnswerFrame{new_id(core_.ids), false, false, true}));
  flush();
  read();
}

void Connection::end_answer() {
  if (answer_ == Answer::stream) --core_.streams;
  answer_ = Answer::ended;
  transfer_->over();
}

void Connection::reply(const Transfer& transfer, Reply reply) {
  if (phase_ == Phase::closed || &transfer != transfer_.get() || answer_ != Answer::none) return;
  close_after_ = frame_.close_after = close_after_ || core_.draining;
  end_answer();
  outbox_.add(whole_answer(reply, frame_));
  flush();
}

void Connection::abandon(const Transfer& transfer) {
  if (&transfer != transfer_.get()) return;
  if (answer_ == Answer::stream) return end_stream(transfer, false);
  reply(transfer, core_.refusal(500, "the request was not answered because of a fault in the server"));
}

void Connection::begin_stream(const Transfer& transfer, const Headers& headers) {
  if (phase_ == Phase::closed || &transfer != transfer_.get() || answer_ != Answer::none) return;
  close_after_ = frame_.close_after = close_after_ || core_.draining || (frame_.http_1_0 && !frame_.head_only);
  outbox_.add(stream_head(headers, frame_));
  outbox_.begin_events(!frame_.http_1_0);
  if (frame_.head_only) {
    end_answer();
  } else {
    answer_ = Answer::stream;
    ++core_.streams;
  }
  flush();
}

void Connection::send(const Transfer& transfer, std::string_view events) {
  if (phase_ == Phase::closed || &transfer != transfer_.get() || answer_ != Answer::stream) return;
  outbox_.add_events(events);
  // A client that takes all may get much at once, as at the end of a long answer: `tick` judges what stays unsent.
  if (outbox_.unsent() > 16 * core_.limits.outbox_bytes) return close();
  flush_soon();
}

void Connection::end_stream(const Transfer& transfer, bool whole) {
  if (phase_ == Phase::closed || &transfer != transfer_.get() || answer_ != Answer::stream) return;
  if (!whole) close_after_ = true;
  outbox_.end_events(whole);
  end_answer();
  flush();
}

// Writing.

void Connection::flush_soon() {
  if (waits_for_room_ || std::exchange(flush_posted_, true)) return;
  core_.loop->post([self = shared_from_this()] {
    self->flush_posted_ = false;
    self->guarded(&Connection::flush);
  });
}

void Connection::flush() {
  if (phase_ == Phase::closed || phase_ == Phase::lingering || waits_for_room_) return;
  switch (outbox_.write(descriptor_->fd())) {
    case Outbox::Written::failed: return close();
    case Outbox::Written::all: return all_written();
    case Outbox::Written::some: break;
  }
  waits_for_room_ = true;
  descriptor_->when_writable([self = shared_from_this()] {
    self->waits_for_room_ = false;
    self->guarded(&Connection::flush);
  });
}

void Connection::all_written() {
  if (phase_ != Phase::answering || (transfer_ && answer_ != Answer::ended)) return;
  if (close_after_ || core_.draining) {
    if (client_ended_) return close();
    ::shutdown(descriptor_->fd(), SHUT_WR);
    enter(Phase::lingering);
    in_.clear();
    return read();
  }
  transfer_.reset();
  has_answered_ = true;
  enter(Phase::waiting);
  parse();
}

}  // namespace mxpath::http
