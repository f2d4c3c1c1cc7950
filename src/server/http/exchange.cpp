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

class ExchangeOfTransfer final : public Exchange {
 public:
  explicit ExchangeOfTransfer(std::shared_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}
  ~ExchangeOfTransfer() override;

  const Request& request() const override { return transfer_->request; }
  void reply(Reply reply) override;
  void begin_stream(Headers headers) override;
  void send(std::string events) override;
  void end_stream(bool whole) override;
  bool gone() const override { return transfer_->gone(); }
  void on_gone(std::function<void()> hear) override { transfer_->on_gone(std::move(hear)); }

 private:
  const std::shared_ptr<Transfer> transfer_;
  std::atomic<bool> begun_ = false, ended_ = false;  // as far as is known here; the connection decides
};

ExchangeOfTransfer::~ExchangeOfTransfer() {
  if (ended_) return;
  transfer_->post([transfer = transfer_, begun = begun_.load()](AnswerSink& sink) {
    if (begun) sink.end_stream(*transfer, false);
    else sink.abandon(*transfer);
  });
}

void ExchangeOfTransfer::reply(Reply reply) {
  if (begun_.exchange(true)) return;
  ended_ = true;
  transfer_->post([transfer = transfer_, reply = std::move(reply)](AnswerSink& sink) mutable {
    sink.reply(*transfer, std::move(reply));
  });
}

void ExchangeOfTransfer::begin_stream(Headers headers) {
  if (begun_.exchange(true)) return;
  transfer_->post([transfer = transfer_, headers = std::move(headers)](AnswerSink& sink) {
    sink.begin_stream(*transfer, headers);
  });
}

void ExchangeOfTransfer::send(std::string events) {
  if (!begun_ || ended_ || transfer_->gone() || events.empty()) return;
  transfer_->post(
      [transfer = transfer_, events = std::move(events)](AnswerSink& sink) { sink.send(*transfer, events); });
}

void ExchangeOfTransfer::end_stream(bool whole) {
  if (!begun_ || ended_.exchange(true)) return;
  transfer_->post([transfer = transfer_, whole](AnswerSink& sink) { sink.end_stream(*transfer, whole); });
}

}  // namespace

void Transfer::on_gone(std::function<void()> hear) {
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

void Transfer::post(std::function<void(AnswerSink&)> what) {
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

void Transfer::lost() {
  std::vector<std::function<void()>> hears;
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return;
    gone_ = true;
    hears.swap(hears_);
  }
  for (const auto& hear : hears) tell(hear);
}

void Transfer::over() {
  std::vector<std::function<void()>> forgotten;  // what they hold goes without the lock, which is let go of first
  const std::lock_guard lock(mutex_);
  over_ = true;
  forgotten.swap(hears_);
}

std::shared_ptr<Exchange> make_exchange(std::shared_ptr<Transfer> transfer) {
  return std::make_shared<ExchangeOfTransfer>(std::move(transfer));
}

}  // namespace mxpath::http
