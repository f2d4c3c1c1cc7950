// Requests served by a real model: what their answers heard, and how two of them are compared.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "engine/load.h"
#include "engine/model_executor.h"
#include "engine/scheduler.h"
#include "golden.h"
#include "kernels/catalogue.h"
#include "plan/block.h"

namespace mxpath::test {

/// A model with an executor of its own.
struct Server {
  Server(const std::string& folder, const Policy& policy, const Machine& machine) {
    auto model = load_model(folder, catalogue(), machine, policy, {});
    EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
    if (!model.ok()) return;
    loaded = std::move(model).value();
    auto made = ModelExecutor::create(loaded->model, *loaded->threads);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    if (made.ok()) executor = std::move(made).value();
  }
  const Plan& plan() const { return loaded->model.plan; }
  int vocab() const { return loaded->model.config.vocab; }

  std::unique_ptr<LoadedModel> loaded;
  std::unique_ptr<ModelExecutor> executor;  // null: it could not be made
};

struct ServedAnswer {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;                              // of the tokens
  std::vector<std::vector<std::pair<int32_t, float>>> top;  // the most likely where each of them was chosen
  std::optional<Ended> end;
};
using Served = std::vector<std::vector<ServedAnswer>>;  // [requests][choices]

/// Serves all requests side by side to their ends.
inline Served serve(Executor& executor, const std::vector<Request>& requests, const SchedulerOptions& options = {},
                    SchedulerCounts* counts = nullptr) {
  Served served(requests.size());
  Scheduler scheduler(executor, options);
  for (size_t i = 0; i < requests.size(); ++i) {
    Request request = requests[i];
    served[i].resize(static_cast<size_t>(request.choices));
    request.on_event = [&answers = served[i]](const Event& event) {
      ServedAnswer& answer = answers[static_cast<size_t>(event.choice)];
      EXPECT_FALSE(answer.end) << "heard after the end";
      if (const auto* token = std::get_if<NewToken>(&event.what)) {
        answer.tokens.push_back(token->token), answer.logprobs.push_back(token->logprob);
        answer.top.emplace_back(token->top.begin(), token->top.end());
      } else {
        answer.end = std::get<Ended>(event.what);
      }
    };
    const auto id = scheduler.submit(std::move(request));
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message);
  }
  int steps = 0;
  while (scheduler.run_step() && steps < 100'000) ++steps;
  EXPECT_LT(steps, 100'000) << "something is stuck";
  if (counts) *counts = scheduler.counts();
  return served;
}

/// Each request alone, on an empty cache.
inline Served serve_each_alone(ModelExecutor& executor, const std::vector<Request>& requests) {
  Served served;
  for (const Request& request : requests) {
    executor.prefixes().clear();
    served.push_back(serve(executor, {request}).front());
  }
  executor.prefixes().clear();
  return served;
}

/// "" where two answers are the same to the last bit.
inline std::string difference(const ServedAnswer& a, const ServedAnswer& b) {
  for (size_t i = 0; i < std::min(a.tokens.size(), b.tokens.size()); ++i) {
    if (a.tokens[i] != b.tokens[i])
      return fmt::format("token {}: {} and {}, where the two best are {:.3g} apart", i, a.tokens[i], b.tokens[i],
                         a.top[i][0].second - a.top[i][1].second);
    if (a.logprobs[i] != b.logprobs[i] || a.top[i] != b.top[i])
      return fmt::format("log-probability {}: {} and {}", i, a.logprobs[i], b.logprobs[i]);
  }
  if (a.tokens.size() != b.tokens.size()) return fmt::format("{} and {} tokens", a.tokens.size(), b.tokens.size());
  return a.end->reason == b.end->reason ? "" : "they end for different reasons";
}

/// Answers against those that the same requests gave alone. Without noise they are the same to the last bit. Otherwise
/// `noise` is what log-probabilities are off by on average where they are rounded another way: each of two answers is
/// off by as much, and they may part where two tokens are so close that rounding decides. Where the router is undecided
/// another expert makes more of it, so few may part elsewhere. Judged at the end, over all answers.
class Comparison {
 public:
  explicit Comparison(double noise) : noise_(noise) {}
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;
  ~Comparison() {
    EXPECT_LE(parted_early_, 2 + answers_ / 10);
    EXPECT_LE(sum_, 2 * noise_ * count_) << "log-probabilities of " << answers_ << " answers";
  }

  /// Of the requests from `first` on.
  void add(const std::vector<Request>& requests, const Served& served, const Served& alone, const std::string& what,
           size_t first = 0) {
    for (size_t i = 0; i < served.size(); ++i)
      for (size_t c = 0; c < served[i].size(); ++c) {
        const auto& end = served[i][c].end;
        ASSERT_TRUE(end && end->reason != EndReason::error) << (end ? end->error.message : "no end");
        const ServedAnswer& expected = alone[first + i][c];
        if (noise_ > 0) look_at(expected, served[i][c], requests[first + i].sampling.temperature == 0);
        else EXPECT_EQ(difference(expected, served[i][c]), "") << what << ", request " << first + i << ", answer " << c;
      }
  }

 private:
  void look_at(const ServedAnswer& a, const ServedAnswer& b, bool greedy) {
    ++answers_;
    for (size_t i = 0; i < std::min(a.tokens.size(), b.tokens.size()); ++i) {
      for (size_t t = 0; t < std::min(a.top[i].size(), b.top[i].size()); ++t)
        sum_ += std::abs(a.top[i][t].second - b.top[i][t].second), ++count_;
      if (a.tokens[i] == b.tokens[i]) continue;
      parted_early_ += greedy && a.top[i][0].second - a.top[i][1].second > 4 * noise_;
      break;
    }
  }

  double noise_, sum_ = 0, count_ = 0;
  int answers_ = 0, parted_early_ = 0;
};

inline std::vector<int32_t> random_text(Random& random, int64_t tokens, int vocab) {
  std::vector<int32_t> text(static_cast<size_t>(tokens));
  for (auto& token : text) token = static_cast<int32_t>(random.integer(0, vocab - 1));
  return text;
}

/// Of every kind: greedy and sampled, with penalties, stop tokens, several answers and without the cache; prompts of 1
/// to `longest` tokens, most of them short, which now and then begin as one before. As many as give `answers`.
inline std::vector<Request> mixed_requests(uint64_t seed, int vocab, int answers, int longest, int longest_answer) {
  Random random(seed);
  std::vector<Request> requests;
  for (int count = 0; count < answers;) {
    Request r;
    const double share = random.uniform();
    r.prompt = random_text(random, 1 + static_cast<int64_t>(share * share * (longest - 1)), vocab);
    if (!requests.empty() && random.uniform() < 0.3f) {
      const auto& before = requests[static_cast<size_t>(random.integer(0, std::ssize(requests) - 1))].prompt;
      const auto common = random.integer(0, static_cast<int64_t>(std::min(before.size(), r.prompt.size())));
      std::copy_n(before.begin(), common, r.prompt.begin());
    }
    r.max_new_tokens = static_cast<int>(random.integer(1, longest_answer));
    if (random.uniform() < 0.3f) r.stop_tokens = random_text(random, vocab / 16, vocab);
    r.sampling.temperature = random.uniform() < 0.5f ? 0 : 1;
    if (random.uniform() < 0.3f) r.sampling.top_p = 0.9f;
    if (random.uniform() < 0.3f) r.sampling.frequency_penalty = 0.5f;
    r.sampling.seed = random.next();
    r.key = std::string(1, static_cast<char>('a' + random.integer(0, 2)));
    r.choices = random.uniform() < 0.3f ? static_cast<int>(random.integer(2, 4)) : 1;
    r.choices = std::min(r.choices, answers - count);
    r.reread = r.prompt.size() < 30 && random.uniform() < 0.1f;
    r.top = 8;
    count += r.choices;
    requests.push_back(std::move(r));
  }
  return requests;
}

/// What a checkpoint's log-probabilities may be off by under a plan, as Comparison takes it: nothing, or as much as
/// those of a BF16 forward.
inline double noise_of(const Golden& golden, const Plan& plan) {
  double most = 0;
  if (same_bits_in_any_batch(plan)) return 0;
  for (const GoldenPrompt& prompt : golden.prompts) most = std::max(most, prompt.bf16_mean_abs_delta);
  return most;
}

/// Batches of 1, 2, 7 and 64 answers; those of the later ones find prompts of the earlier in the cache.
inline void expect_any_batch_as_alone(const Golden& golden, Policy policy, const Machine& machine) {
  policy.context = 512, policy.sequences = 64;
  const Server server(golden.folder, policy, machine);
  ASSERT_TRUE(server.executor);
  const auto requests = mixed_requests(7, server.vocab(), 64, 300, 24);
  const Served alone = serve_each_alone(*server.executor, requests);
  Comparison comparison(noise_of(golden, server.plan()));
  for (const size_t size : {size_t{1}, size_t{2}, size_t{7}, requests.size()})
    for (size_t first = 0; first + size <= requests.size(); first += std::max<size_t>(size, 9)) {
      const auto begin = requests.begin() + static_cast<ptrdiff_t>(first);
      const Served served = serve(*server.executor, {begin, begin + static_cast<ptrdiff_t>(size)});
      comparison.add(requests, served, alone, fmt::format("{} at once", size), first);
    }
}

/// Pages for one sequence, and eight of them: those that run are taken off their pages again and again.
inline void expect_preempted_as_alone(const Golden& golden, Policy policy, const Machine& machine) {
  policy.context = 256, policy.sequences = 8;
  const Server roomy(golden.folder, policy, machine);
  ASSERT_TRUE(roomy.executor);
  const Plan& plan = roomy.plan();
  for (const KvGroup& group : plan.kv.groups) {
    const int64_t pages = plan.kv.pages_for(group.device, plan.context, plan.chunk) + 2;
    policy.kv_memory = std::max(policy.kv_memory, plan.kv.page_bytes(group.device) * static_cast<uint64_t>(pages));
  }
  const Server narrow(golden.folder, policy, machine);
  ASSERT_TRUE(narrow.executor);
  auto requests = mixed_requests(11, roomy.vocab(), 12, 120, 200);
  for (size_t i = 0; i < requests.size(); i += 2) requests[i].max_new_tokens = 0, requests[i].stop_tokens.clear();
  const Served alone = serve_each_alone(*roomy.executor, requests);
  SchedulerOptions options;
  options.steps.answer_reserve = 8;  // so that more are let in than there are pages for
  SchedulerCounts counts;
  const Served served = serve(*narrow.executor, requests, options, &counts);
  EXPECT_GT(counts.steps.preemptions, 3u);
  Comparison(noise_of(golden, narrow.plan())).add(requests, served, alone, "preempted");
}

/// By the most that a step may read, and by a time in which it may read 64 tokens beside 8 answers, or one.
inline void expect_cut_prompts_as_alone(const Golden& golden, Policy policy, const Machine& machine) {
  policy.context = 512, policy.sequences = 16;
  const Server whole(golden.folder, policy, machine);
  ASSERT_TRUE(whole.executor);
  const auto requests = mixed_requests(13, whole.vocab(), 16, 300, 24);
  const Served alone = serve_each_alone(*whole.executor, requests);
  Comparison comparison(noise_of(golden, whole.plan()));
  for (const int chunk : {64, 512}) {
    policy.chunk = chunk;
    const Server server(golden.folder, policy, machine);
    ASSERT_TRUE(server.executor);
    for (const double target : {0.0, server.executor->predicted_seconds(8, 64), 1e-9}) {
      SchedulerOptions options;
      options.steps.step_target = target;
      options.steps.now = [] { return 0.0; };  // or how long steps take would decide
      auto cut = requests;
      int pieces = 0;
      for (Request& request : cut) request.on_read = [&](int64_t) { ++pieces; };
      server.executor->prefixes().clear();
      const Served served = serve(*server.executor, cut, options);
      EXPECT_GT(pieces, chunk == 64 || target > 0 ? 10 : -1);
      comparison.add(requests, served, alone, fmt::format("chunks of {}, {} s", chunk, target));
    }
  }
}

}  // namespace mxpath::test
