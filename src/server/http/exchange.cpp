#include "server/http/exchange.h"

#include <utility>

namespace mxpath::http {
namespace {

void tell(const std::function<void()>& hear) {
  try {
    hear();
  } catch (...) {  // the others are told all the same
  }
}

class ExchangeOfTurn final : public Exchange {
 public:
  explicit ExchangeOfTurn(std::shared_ptr<Turn> turn) : turn_(std::move(turn)) {}
  ~ExchangeOfTurn() override;

  const Request& request() const override { return turn_->request; }
  void reply(Reply reply) override;
  void begin_stream(Headers headers) override;
  void send(std::string events) override;
  void end_stream(bool whole) override;
  bool gone() const override { return turn_->gone(); }
  void on_gone(std::function<void()> hear) override { turn_->on_gone(std::move(hear)); }

 private:
  const std::shared_ptr<Turn> turn_;
  std::atomic<bool> begun_ = false, ended_ = false;  // as far as is known here; the connection decides
};

ExchangeOfTurn::~ExchangeOfTurn() {
  if (ended_) return;
  turn_->post([turn = turn_, begun = begun_.load()](AnswerSink& sink) {
    if (begun) sink.end_stream(*turn, false);
    else sink.abandon(*turn);
  });
}

void ExchangeOfTurn::reply(Reply reply) {
  if (begun_.exchange(true)) return;
  ended_ = true;
  turn_->post(
      [turn = turn_, reply = std::move(reply)](AnswerSink& sink) mutable { sink.reply(*turn, std::move(reply)); });
}

void ExchangeOfTurn::begin_stream(Headers headers) {
  if (begun_.exchange(true)) return;
  turn_->post([turn = turn_, headers = std::move(headers)](AnswerSink& sink) { sink.begin_stream(*turn, headers); });
}

void ExchangeOfTurn::send(std::string events) {
  if (!begun_ || ended_ || turn_->gone() || events.empty()) return;
  turn_->post([turn = turn_, events = std::move(events)](AnswerSink& sink) { sink.send(*turn, events); });
}

void ExchangeOfTurn::end_stream(bool whole) {
  if (!begun_ || ended_.exchange(true)) return;
  turn_->post([turn = turn_, whole](AnswerSink& sink) { sink.end_stream(*turn, whole); });
}

}  // namespace

void Turn::on_gone(std::function<void()> hear) {
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    if (!gone_) {
      hears_.push_back(std::move(hear));
      return;
    }
  }
  // A loop that is closed has no thread; then the caller's must do.
  if (loop_->on_its_thread() || !loop_->post([hear] { tell(hear); })) tell(hear);
}

void Turn::post(std::function<void(AnswerSink&)> what) {
  if (gone_) return;
  loop_->post([sink = sink_, what = std::move(what)] {
    const auto there = sink.lock();
    if (!there) return;
    try {
      what(*there);
    } catch (...) {
      there->failed();
    }
  });
}

void Turn::lost() {
  std::vector<std::function<void()>> hears;
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return;
    gone_ = true;
    hears.swap(hears_);
  }
  for (const auto& hear : hears) tell(hear);
}

void Turn::over() {
  std::vector<std::function<void()>> forgotten;  // what they hold goes without the lock, which is let go of first
  const std::lock_guard lock(mutex_);
  over_ = true;
  forgotten.swap(hears_);
}

std::shared_ptr<Exchange> make_exchange(std::shared_ptr<Turn> turn) {
  return std::make_shared<ExchangeOfTurn>(std::move(turn));
}

}  // namespace mxpath::http
