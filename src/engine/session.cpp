#include "engine/session.h"

#include <algorithm>
#include <chrono>

#include "base/hint.h"
#include "base/text.h"
#include "kernels/sample/sample.h"
#include "model/dispatch.h"
#include "model/not_finite.h"

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

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::stop_token: return "stop";
    case StopReason::length: return "length";
    case StopReason::context: return "context";
    case StopReason::cancelled: return "cancelled";
  }
  return "";
}

Status check_sampling(const SamplingOptions& o) {
  if (!(o.temperature >= 0 && o.temperature <= 100))
    return wrong_use("{}: must be between 0 (greedy) and 100", mention(Knob::temperature, o.temperature));
  if (!(o.top_p > 0 && o.top_p <= 1))
    return wrong_use("{}: must be above 0 and at most 1", mention(Knob::top_p, o.top_p));
  if (!(o.min_p >= 0 && o.min_p <= 1)) return wrong_use("{}: must be between 0 and 1", mention(Knob::min_p, o.min_p));
  if (o.top_k < 0) return wrong_use("{}: must be 0 (all) or more", mention(Knob::top_k, o.top_k));
  return {};
}

Result<Session> Session::create(const Model& model, ThreadPool& threads) {
  Session session;
  session.model_ = &model;
  MXPATH_TRY(session.state_, State::create(model.config, model.plan));
  session.state_.threads = &threads;
  MXPATH_TRY(session.cache_, KvCache::create(model.config, model.plan));
  session.slots_.resize(static_cast<size_t>(model.plan.chunk));
  return session;
}

Status check_prompt(std::span<const int32_t> tokens, int context, const ModelConfig& config, int answer) {
  if (tokens.empty()) return fail("the prompt is empty; give at least one token");
  const size_t behind = answer > 0 ? static_cast<size_t>(answer - 1) : 0, needed = tokens.size() + behind;
  const auto most = static_cast<size_t>(config.max_positions);
  if (needed > static_cast<size_t>(context)) {
    const size_t enough = std::min(most, tokens.size() + (answer > 0 ? usual_answer : 0));
    return fail("the prompt has {}, but the context holds {}{}; {}", plural(tokens.size(), "token"), context,
                answer > 0 ? ", which leaves no room for an answer" : "",
                needed > most ? fmt::format("the model reads at most {}, so give a shorter prompt", most)
                              : fmt::format("choose {} or more (the model allows {}), or a shorter prompt",
                                            mention(Knob::context, enough), most));
  }
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= config.vocab)
      return fail("token {} of the prompt is {}, outside the model's vocabulary of {}", i, tokens[i], config.vocab);
  return {};
}

size_t Session::keep_common_prefix(std::span<const int32_t> prompt, bool use_cache) {
  size_t common = 0;
  while (use_cache && common < history_.size() && common + 1 < prompt.size() && history_[common] == prompt[common])
    ++common;
  // Rings have overwritten what lies too far behind the furthest they were written; the last prompt token is always
  // read again, for its logits.
  furthest_ = std::max(furthest_, history_.size());
  if (static_cast<int64_t>(common) < cache_.shortest_rollback(static_cast<int64_t>(furthest_))) common = 0;
  if (common == 0) forget();
  history_.resize(common);
  return common;
}

void Session::forget() {
  history_.clear();
  furthest_ = 0;
}

Batch Session::next_batch(std::span<const int32_t> tokens) {
  positions_.resize(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) positions_[i] = static_cast<int32_t>(history_.size() + i);
  caches_[0] = cache_.layers();
  return {tokens, positions_, std::span(slots_).first(tokens.size()), caches_};
}

Status Session::read_chunk(std::span<const int32_t> tokens) {
  forward(*model_, state_, next_batch(tokens));
  history_.insert(history_.end(), tokens.begin(), tokens.end());
  return state_.status();
}

Status Session::read_one(int32_t token) {
  const auto work = [this] {
    run_layers(*model_, state_);
    head(*model_, state_, 0, 1);
  };
  stage(*model_, state_, next_batch({&token, 1}));
  history_.push_back(token);
  // The first token alone loads the kernels, which recording must not do.
  if (!decode_ && model_->plan.placement.all_on_one_gpu() && eager_decodes_++ == 1) {
    Trace* outer = std::exchange(state_.trace, &decode_trace_);
    auto recorded = CudaGraph::record(*state_.on(model_->plan.placement.head()).stream, work);
    state_.trace = outer;
    if (recorded.ok()) decode_ = std::move(recorded).value();
    MXPATH_CHECK(state_.status());
  }
  if (!decode_) {
    work();
    return state_.status();
  }
  decode_.launch(*state_.on(model_->plan.placement.head()).stream);
  if (state_.trace) state_.trace->insert(state_.trace->end(), decode_trace_.begin(), decode_trace_.end());
  return state_.status();
}

Result<bool> Session::read(std::span<const int32_t> tokens, const Progress& progress,
                           const std::function<bool()>& go_on) {
  const size_t chunk = static_cast<size_t>(model_->plan.chunk);
  for (size_t begin = 0; begin < tokens.size(); begin += chunk) {
    if (go_on && !go_on()) return false;
    const auto part = tokens.subspan(begin, std::min(chunk, tokens.size() - begin));
    if (tokens.size() == 1) {
      MXPATH_CHECK(read_one(part.front()));
    } else {
      MXPATH_CHECK(read_chunk(part));
      if (begin + part.size() == tokens.size()) head(*model_, state_, static_cast<int>(part.size()) - 1, 1);
    }
    if (progress) {
      MXPATH_CHECK(state_.wait());  // what is only enqueued is not progress
      progress("reading the prompt", begin + part.size(), tokens.size());
    }
  }
  return true;
}

Result<std::span<const float>> Session::logits() {
  MXPATH_TRY(const float* logits, read_logits(*model_, state_, 1));
  return std::span(logits, static_cast<size_t>(model_->config.vocab));
}

Result<int32_t> Session::pick(const GenerateOptions& options, Random& random) {
  const SamplingOptions& s = options.sampling;
  const int largest =
      options.largest_token < 0 ? model_->config.vocab - 1 : std::min(options.largest_token, model_->config.vocab - 1);
  int32_t token = 0;
  SampleArgs args{.vocab = model_->config.vocab,
                  .largest_token = largest,
                  .temperature = s.temperature,
                  .top_p = s.top_p,
                  .min_p = s.min_p,
                  .top_k = s.top_k,
                  .random = random.uniform(),
                  .scratch = state_.on(cpu_device).scratch,
                  .token = &token};
  const DeviceId head = model_->plan.placement.head();
  const SitePlan* gpu = head.is_gpu() ? model_->plan.find(SiteId::sample, LayerSet::outside, head) : nullptr;
  if (gpu && s.temperature == 0) {  // four bytes come back instead of all logits
    const Activations& there = state_.on(head);
    args.logits = there.logits;
    args.scratch = there.scratch;
    args.token = there.order;
    args.stream = there.stream;
    run(*gpu, {}, args, state_.trace);
    MXPATH_CHECK(args.stream->copy_out(&token, args.token, sizeof token));
    return token < 0 ? Result<int32_t>(not_finite(history_.size() - 1)) : token;
  }
  MXPATH_TRY(args.logits, read_logits(*model_, state_, 1));
  run(*model_->plan.find(SiteId::sample, LayerSet::outside, cpu_device), {}, args, state_.trace);
  return token < 0 ? Result<int32_t>(not_finite(history_.size() - 1)) : token;
}

Error Session::not_finite(size_t position) {
  std::vector<int32_t> text = std::move(history_);
  text.resize(position + 1);
  Trace* trace = std::exchange(state_.trace, nullptr);
  forget();
  Result<std::optional<NotFinite>> found = std::optional<NotFinite>();
  const size_t chunk = static_cast<size_t>(model_->plan.chunk);
  for (size_t begin = 0; begin < text.size() && found.ok() && !*found; begin += chunk) {
    const auto part = std::span(text).subspan(begin, std::min(chunk, text.size() - begin));
    found = find_not_finite(*model_, state_, next_batch(part));
    history_.insert(history_.end(), part.begin(), part.end());
  }
  forget();
  state_.trace = trace;
  if (!found.ok()) return found.error();
  return fail("the logits at position {} of the text are not finite numbers: {}; {}", position, describe(*found),
              cause_of(*found, model_->plan));
}

Result<Generation> Session::generate(std::span<const int32_t> prompt, const GenerateOptions& options) {
  MXPATH_CHECK(check(prompt, least_answer(options.max_new_tokens)));
  MXPATH_CHECK(check_sampling(options.sampling));
  Generation out;
  out.prompt_tokens = static_cast<int>(prompt.size());
  out.reused_tokens = static_cast<int>(keep_common_prefix(prompt, options.use_cache));
  Stopwatch watch;
  MXPATH_TRY(const bool whole,
             read(prompt.subspan(static_cast<size_t>(out.reused_tokens)), options.progress, options.go_on));
  MXPATH_CHECK(state_.wait());  // what is only enqueued has not been read
  out.prompt_seconds = watch.lap();
  if (!whole) {
    out.reason = StopReason::cancelled;
    return out;
  }
  Random random(options.sampling.seed);
  std::vector<int32_t> text(prompt.begin(), prompt.end());
  for (;;) {
    MXPATH_TRY(const int32_t token, pick(options, random));
    out.tokens.push_back(token);
    const bool go_on = !options.on_token || options.on_token(token);
    const bool stop = std::ranges::count(options.stop_tokens, token) > 0;
    if (stop) out.reason = StopReason::stop_token;
    else if (!go_on) out.reason = StopReason::cancelled;
    else if (options.max_new_tokens > 0 && static_cast<int>(out.tokens.size()) >= options.max_new_tokens)
      out.reason = StopReason::length;
    else if (history_.size() >= static_cast<size_t>(model_->plan.context)) out.reason = StopReason::context;
    else {
      if (options.use_cache) {
        MXPATH_CHECK(read({&token, 1}, {}));
      } else {
        text.push_back(token);
        forget();
        MXPATH_CHECK(read(text, {}));
      }
      continue;
    }
    break;
  }
  out.answer_seconds = watch.lap();
  return out;
}

}  // namespace mxpath
