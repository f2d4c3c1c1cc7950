// For tests: a scheduler over the scripted executor in fast motion, and what its requests have heard.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "engine/scheduler.h"
#include "engine/scripted_executor.h"

namespace mxpath::test {

struct HeardAnswer {
  std::vector<int32_t> tokens;
  std::vector<double> times;  // of the tokens
  std::optional<Ended> end;
};

/// Time is the executor's; steps run where run() is called.
class FastMotion {
 public:
  explicit FastMotion(Script script = {}, SchedulerOptions options = {}) : executor(script) {
    options.steps.now = [this] { return executor.now; };
    scheduler.emplace(executor, options);
  }

  RequestId submit(Request request) {
    auto id = try_submit(std::move(request));
    EXPECT_TRUE(id.ok()) << id.error().message;
    return id.ok() ? *id : 0;
  }
  Result<RequestId> try_submit(Request request, NotTaken* why = nullptr) {
    auto more = std::move(request.on_event);
    request.on_event = [this, more](const Event& event) {
      hear(event);
      if (more) more(event);
    };
    return scheduler->submit(std::move(request), why);
  }
  /// Steps until nothing is left; fails where that takes more than `most`.
  void run(int most = 100'000) {
    int steps = 0;
    while (scheduler->run_step() && steps < most) ++steps;
    EXPECT_LT(steps, most) << "something is stuck";
  }
  HeardAnswer& answer(RequestId id, int choice = 0) { return heard[{id, choice}]; }
  EndReason reason(RequestId id, int choice = 0) {
    EXPECT_TRUE(answer(id, choice).end.has_value());
    return answer(id, choice).end ? answer(id, choice).end->reason : EndReason::error;
  }
  /// Nothing is left of anyone, and the scheduler did nothing that it may not.
  void expect_empty() {
    EXPECT_EQ(executor.problems, std::vector<std::string>());
    EXPECT_EQ(executor.open_sequences(), 0u);
    EXPECT_EQ(executor.pages_free(), executor.pages());
    executor.clear_cache();
    EXPECT_EQ(executor.used_pages(), 0);
    EXPECT_EQ(scheduler->counts().live_requests, 0);
    EXPECT_EQ(ended, heard.size());
  }

  ScriptedExecutor executor;
  std::map<std::pair<RequestId, int>, HeardAnswer> heard;
  size_t ended = 0;
  std::optional<Scheduler> scheduler;  // last: it ends what is left, which is heard

 private:
  void hear(const Event& event) {
    HeardAnswer& answer = heard[{event.request, event.choice}];
    EXPECT_FALSE(answer.end) << "heard after the end";
    if (const auto* token = std::get_if<NewToken>(&event.what)) {
      EXPECT_EQ(token->index, std::ssize(answer.tokens));
      answer.tokens.push_back(token->token);
      answer.times.push_back(executor.now);
      return;
    }
    answer.end = std::get<Ended>(event.what), ++ended;
    EXPECT_EQ(answer.end->new_tokens, std::ssize(answer.tokens));
  }
};

inline std::vector<int32_t> some_text(Random& random, int64_t tokens) {
  std::vector<int32_t> text(static_cast<size_t>(tokens));
  for (auto& token : text) token = static_cast<int32_t>(random.integer(0, 999));
  return text;
}

inline Request question(int64_t prompt, int max_new_tokens, uint64_t seed = 1, std::string key = {}) {
  Random random(seed);
  Request r;
  r.prompt = some_text(random, prompt), r.max_new_tokens = max_new_tokens, r.sampling.seed = seed;
  r.key = std::move(key);
  return r;
}

/// A request of any kind: lengths, sampling, stop tokens, several answers.
inline Request mixed_request(Random& random, int64_t longest_prompt, int longest_answer) {
  Request r;
  r.prompt = some_text(random, random.integer(1, longest_prompt));
  r.max_new_tokens = static_cast<int>(random.integer(1, longest_answer));
  if (random.uniform() < 0.3) r.stop_tokens = some_text(random, 20);
  r.sampling.temperature = random.uniform() < 0.3f ? 0 : 1;
  r.sampling.seed = random.next();
  r.largest_token = random.uniform() < 0.5 ? -1 : 700;
  r.priority = static_cast<int>(random.integer(0, 1));
  r.key = std::string(1, static_cast<char>('a' + random.integer(0, 2)));
  r.choices = random.uniform() < 0.3 ? static_cast<int>(random.integer(2, 5)) : 1;
  r.top = static_cast<int>(random.integer(0, 2));
  return r;
}

}  // namespace mxpath::test
