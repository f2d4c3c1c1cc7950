#include "app/scheduled_answer.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <variant>

#include "base/text.h"

namespace mxpath {
namespace {

/// How long nothing may come before go_on is asked all the same.
constexpr auto longest_silence = std::chrono::seconds(1);

/// What the thread of the steps tells; nothing in it: some of the prompt was read.
struct News {
  int choice = 0;
  std::variant<std::monostate, TokenLogprob, Ended> what = {};
};

/// From the thread of the steps to the one that asks. Outlives both sides.
class Mailbox {
 public:
  void put(News news) {
    {
      const std::lock_guard lock(mutex_);
      news_.push_back(std::move(news));
    }
    came_.notify_one();
  }
  /// The next; none: nothing came for a while.
  std::optional<News> take() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, longest_silence, [this] { return !news_.empty(); })) return {};
    News next = std::move(news_.front());
    news_.pop_front();
    return next;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<News> news_;
};

News news_of(const Event& event) {
  if (const auto* end = std::get_if<Ended>(&event.what)) return {event.choice, *end};
  const auto& token = std::get<NewToken>(event.what);
  return {event.choice, TokenLogprob{token.token, token.logprob, {token.top.begin(), token.top.end()}}};
}

struct Hearing {
  std::unique_ptr<AnswerBuilder> builder;
  ScheduledAnswer heard;
  bool deaf = false;  // what comes now is no part of the answer
};

class Asking {
 public:
  Asking(Scheduler& scheduler, const Tokenizer& tokenizer, const AnswerFormat& format, std::span<const Token> prompt,
         const ScheduledOptions& options);
  ~Asking() {
    if (!ended_ && id_ != 0) scheduler_.cancel(id_);
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  Result<std::vector<ScheduledAnswer>> run();

 private:
  Status submit();
  void ask_on();
  void stop();
  void hear(Hearing& hearing, int choice, TokenLogprob token);
  Status end(Hearing& hearing, const Ended& end);
  std::vector<ScheduledAnswer> answers();

  Scheduler& scheduler_;
  const AnswerFormat& format_;
  std::span<const Token> prompt_;
  const ScheduledOptions& options_;
  std::shared_ptr<Mailbox> mail_ = std::make_shared<Mailbox>();
  std::vector<Hearing> hearings_;  // [choices]
  RequestId id_ = 0;               // 0: not submitted
  bool stopped_ = false, ended_ = false;
};

Asking::Asking(Scheduler& scheduler, const Tokenizer& tokenizer, const AnswerFormat& format,
               std::span<const Token> prompt, const ScheduledOptions& options)
    : scheduler_(scheduler), format_(format), prompt_(prompt), options_(options) {
  for (int choice = 0; choice < options.choices; ++choice) {
    std::function<void(const Delta&)> on_delta;
    if (options.on_delta) on_delta = [this, choice](const Delta& delta) { options_.on_delta(choice, delta); };
    Hearing hearing;
    hearing.builder = std::make_unique<AnswerBuilder>(tokenizer, format, std::move(on_delta));
    hearing.heard.answer.generation.prompt_tokens = static_cast<int>(prompt.size());
    hearings_.push_back(std::move(hearing));
  }
}

Status Asking::submit() {
  Request request;
  request.prompt.assign(prompt_.begin(), prompt_.end());
  request.max_new_tokens = options_.max_new_tokens, request.sampling = options_.sampling;
  request.stop_tokens = format_.stop_tokens, request.largest_token = format_.largest_token;
  request.priority = options_.priority, request.choices = options_.choices;
  request.top = options_.top, request.reread = !options_.use_cache;
  request.on_event = [mail = mail_](const Event& event) { mail->put(news_of(event)); };
  if (options_.go_on) request.on_read = [mail = mail_](int64_t) { mail->put({}); };
  MXPATH_TRY(id_, scheduler_.submit(std::move(request)));
  return {};
}

void Asking::stop() {
  stopped_ = true;
  for (Hearing& hearing : hearings_) {
    if (!std::exchange(hearing.deaf, true)) hearing.heard.answer.generation.reason = EndReason::cancelled;
  }
  if (id_ != 0) scheduler_.cancel(id_);
}

void Asking::ask_on() {
  if (!stopped_ && options_.go_on && !options_.go_on()) stop();
}

void Asking::hear(Hearing& hearing, int choice, TokenLogprob token) {
  if (hearing.deaf) return;
  hearing.heard.answer.generation.tokens.push_back(token.token);
  const bool over = hearing.builder->hear(token.token);
  if (options_.top) hearing.heard.logprobs.push_back(std::move(token));
  if (!over) return ask_on();
  hearing.deaf = true;
  scheduler_.cancel(id_, choice);
}

Status Asking::end(Hearing& hearing, const Ended& end) {
  ended_ = end.last;
  if (end.reason == EndReason::error) return end.error;
  Generation& generation = hearing.heard.answer.generation;
  if (!hearing.deaf) generation.reason = end.reason;
  hearing.deaf = true;
  generation.reused_tokens = end.reused_tokens;
  generation.prompt_seconds = end.prompt_seconds, generation.answer_seconds = end.answer_seconds;
  hearing.heard.queue_seconds = end.queue_seconds;
  return {};
}

std::vector<ScheduledAnswer> Asking::answers() {
  std::vector<ScheduledAnswer> out;
  for (Hearing& hearing : hearings_) {
    hearing.builder->finish(hearing.heard.answer);
    out.push_back(std::move(hearing.heard));
  }
  return out;
}

Result<std::vector<ScheduledAnswer>> Asking::run() {
  if (options_.cancellation && options_.cancellation->cancelled()) stop();
  ask_on();
  if (stopped_) return answers();
  MXPATH_CHECK(submit());
  std::optional<Cancellation::Listener> listener;
  if (options_.cancellation) listener.emplace(*options_.cancellation, [this] { scheduler_.cancel(id_); });
  while (!ended_) {
    std::optional<News> news = mail_->take();
    if (!news || std::holds_alternative<std::monostate>(news->what)) {
      ask_on();
      continue;
    }
    Hearing& hearing = hearings_[static_cast<size_t>(news->choice)];
    if (auto* token = std::get_if<TokenLogprob>(&news->what)) hear(hearing, news->choice, std::move(*token));
    else MXPATH_CHECK(end(hearing, std::get<Ended>(news->what)));
  }
  return answers();
}

}  // namespace

Result<std::vector<ScheduledAnswer>> answer_scheduled(Scheduler& scheduler, const Tokenizer& tokenizer,
                                                      const AnswerFormat& format, std::span<const Token> prompt,
                                                      const ScheduledOptions& options) {
  if (options.choices < 1 || options.choices > most_choices)
    return wrong_use("{} answers: must be between 1 and {}", options.choices, most_choices);
  return Asking(scheduler, tokenizer, format, prompt, options).run();
}

}  // namespace mxpath
