#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace mxpath {
namespace {

class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

Result<Session> Session::create(const Model& model, ThreadPool& threads) {
  Session session;
  MXPATH_TRY(session.executor_, ModelExecutor::create(model, threads));
  return session;
}

void Session::forget() {
  if (sequence_ >= 0) executor_->close(std::exchange(sequence_, -1));
  history_.clear();
  kept_ = 0;
}

void Session::keep() {
  if (sequence_ >= 0 && !history_.empty()) executor_->keep(sequence_, history_, 0);
  kept_ = std::ssize(history_);
}

Result<size_t> Session::begin(std::span<const int32_t> prompt, bool use_cache) {
  keeps_ = use_cache;
  if (!use_cache) {
    forget();
    MXPATH_TRY(sequence_, executor_->open_empty());
    return size_t{0};
  }
  const bool goes_on =
      sequence_ >= 0 && history_.size() < prompt.size() && std::equal(history_.begin(), history_.end(), prompt.begin());
  if (!goes_on) {
    keep();
    forget();
    MXPATH_TRY(const Opened opened, executor_->open(prompt, 0));
    sequence_ = opened.sequence;
    history_.assign(prompt.begin(), prompt.begin() + opened.reused);
    kept_ = opened.reused;
  }
  return history_.size();
}

Status Session::read_part(std::span<const int32_t> tokens, bool wants_logits) {
  const StepPart part{sequence_, tokens, wants_logits};
  MXPATH_CHECK(executor_->step({&part, 1}));
  history_.insert(history_.end(), tokens.begin(), tokens.end());
  return {};
}

Result<bool> Session::read(std::span<const int32_t> tokens, const Progress& progress,
                           const std::function<bool()>& go_on) {
  const size_t chunk = static_cast<size_t>(executor_->most_tokens());
  for (size_t begin = 0; begin < tokens.size(); begin += chunk) {
    if (go_on && !go_on()) return false;
    const auto part = tokens.subspan(begin, std::min(chunk, tokens.size() - begin));
    MXPATH_CHECK(read_part(part, begin + part.size() == tokens.size()));
    if (keeps_ && std::ssize(history_) - kept_ >= tokens_between_checkpoints) keep();
    if (progress) {
      MXPATH_CHECK(executor_->wait());  // what is only enqueued is not progress
      progress("reading the prompt", begin + part.size(), tokens.size());
    }
  }
  return true;
}

Result<std::span<const float>> Session::read_logits(std::span<const int32_t> text) {
  MXPATH_CHECK(check(text));
  MXPATH_TRY(const size_t held, begin(text, true));
  MXPATH_TRY([[maybe_unused]] const bool whole, read(text.subspan(held), {}));
  // A token is chosen so that logits that are no numbers are found; which, nobody hears.
  GenerateOptions greedy;
  greedy.sampling.temperature = 0;
  MXPATH_CHECK(pick(greedy, 0));
  return logits();
}

Result<int32_t> Session::pick(const GenerateOptions& options, size_t index) {
  const SampleChoice choice{.options = options.sampling,
                            .index = index,
                            .largest_token = options.largest_token,
                            .seen = std::span(history_).last(std::min(index, history_.size()))};
  MXPATH_TRY(const auto sampled, executor_->sample({&choice, 1}));
  const int32_t token = sampled.front().token;
  return token < 0 ? Result<int32_t>(not_finite(history_.size() - 1)) : token;
}

Error Session::not_finite(size_t position) {
  std::vector<int32_t> text = std::move(history_);
  text.resize(position + 1);
  forget();
  return executor_->not_finite(text);
}

Result<Generation> Session::generate(std::span<const int32_t> prompt, const GenerateOptions& options) {
  MXPATH_CHECK(check(prompt, 1));
  MXPATH_CHECK(check_sampling(options.sampling));
  Generation out;
  out.prompt_tokens = static_cast<int>(prompt.size());
  MXPATH_TRY(const size_t reused, begin(prompt, options.use_cache));
  out.reused_tokens = static_cast<int>(reused);
  Stopwatch watch;
  MXPATH_TRY(const bool whole, read(prompt.subspan(reused), options.progress, options.go_on));
  MXPATH_CHECK(executor_->wait());  // what is only enqueued has not been read
  out.prompt_seconds = watch.lap();
  if (!whole) {
    out.reason = EndReason::cancelled;
    return out;
  }
  if (options.use_cache) keep();  // a turn that drops its reasoning begins with this prompt again
  std::vector<int32_t> text(prompt.begin(), prompt.end());
  for (;;) {
    MXPATH_TRY(const int32_t token, pick(options, out.tokens.size()));
    out.tokens.push_back(token);
    const bool go_on = !options.on_token || options.on_token(token);
    const bool stop = std::ranges::count(options.stop_tokens, token) > 0;
    if (stop) out.reason = EndReason::stop_token;
    else if (!go_on) out.reason = EndReason::cancelled;
    else if (options.max_new_tokens > 0 && static_cast<int>(out.tokens.size()) >= options.max_new_tokens)
      out.reason = EndReason::length;
    else if (prompt.size() + out.tokens.size() >= static_cast<size_t>(plan().context)) out.reason = EndReason::context;
    else {
      if (options.use_cache) {
        MXPATH_CHECK(read_part({&token, 1}, true));
      } else {
        text.push_back(token);
        MXPATH_TRY(const size_t none, begin(text, false));
        MXPATH_CHECK(read(std::span(text).subspan(none), {}));
      }
      continue;
    }
    break;
  }
  out.answer_seconds = watch.lap();
  return out;
}

}  // namespace mxpath
