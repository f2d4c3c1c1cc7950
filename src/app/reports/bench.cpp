#include "app/reports/bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/random.h"
#include "base/text.h"

namespace mxpath {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Texts that are continued side by side. What comes next is drawn, not what the model says: with random weights all of
/// them would soon say the same and ask for the same experts.
class Texts {
 public:
  Texts(ModelExecutor& executor, Random& random) : executor_(executor), random_(random) {}
  ~Texts() {
    for (const int sequence : sequences_) executor_.close(sequence);
  }
  Texts(const Texts&) = delete;
  Texts& operator=(const Texts&) = delete;

  /// Reads a prompt.
  Status add(std::span<const int32_t> prompt) {
    MXPATH_TRY(const int sequence, executor_.open_empty());
    sequences_.push_back(sequence);
    const size_t chunk = static_cast<size_t>(executor_.most_tokens());
    for (size_t begin = 0; begin < prompt.size(); begin += chunk) {
      const StepPart part{sequence, prompt.subspan(begin, std::min(chunk, prompt.size() - begin)), false};
      MXPATH_CHECK(executor_.step({&part, 1}));
    }
    last_.push_back(prompt.back());
    return {};
  }

  /// A token of each.
  Status step() {
    std::vector<StepPart> parts;
    for (size_t i = 0; i < sequences_.size(); ++i) parts.push_back({sequences_[i], {&last_[i], 1}, true});
    MXPATH_CHECK(executor_.step(parts));
    const std::vector<SampleChoice> greedy(parts.size(), SampleChoice{.options = {.temperature = 0}});
    MXPATH_TRY(const auto sampled, executor_.sample(greedy));
    for (size_t i = 0; i < sampled.size(); ++i) {
      if (sampled[i].token < 0) return fail("the logits of sequence {} are not finite numbers", i);
      last_[i] = static_cast<int32_t>(random_.integer(0, executor_.model().config.vocab - 1));
    }
    return {};
  }

 private:
  ModelExecutor& executor_;
  Random& random_;
  std::vector<int> sequences_;
  std::vector<int32_t> last_;
};

class Bench {
 public:
  Bench(const LoadedModel& loaded, Session& session, const Machine& machine, const BenchOptions& options)
      : model_(loaded.model), session_(session), machine_(machine), options_(options), random_(options.seed) {}

  Result<BenchResult> run() {
    MXPATH_CHECK(record_paths());
    for (const int tokens : options_.prompts)
      if (tokens > 0 && going()) MXPATH_CHECK(measure_prompt(tokens));
    for (const int depth : options_.depths)
      for (const int sequences : options_.sequences)
        if (options_.tokens > 0 && going())
          MXPATH_CHECK(sequences == 1 ? measure_steps(depth) : measure_side_by_side(depth, sequences));
    return std::move(result_);
  }

 private:
  bool going() const { return !options_.go_on || options_.go_on(); }

  /// Each begins with another token, so that the session finds nothing of it in its cache.
  std::vector<int32_t> fresh_prompt(int tokens) {
    std::vector<int32_t> prompt(static_cast<size_t>(tokens));
    for (int32_t& token : prompt) token = static_cast<int32_t>(random_.integer(0, model_.config.vocab - 1));
    prompt.front() = prompts_++ % model_.config.vocab;
    return prompt;
  }

  GenerateOptions greedy(int new_tokens) const {
    GenerateOptions how;
    how.max_new_tokens = new_tokens;
    how.sampling.temperature = 0;
    how.go_on = options_.go_on;
    if (model_.plan.placement.gpus.empty())
      how.progress = options_.progress;  // it would wait for the GPU after each chunk
    return how;
  }

  /// Seconds to the first token; negative when told to stop. The token must be known, so whatever the device still had
  /// to do is done.
  Result<double> read_once(int tokens) {
    double seconds = -1;
    GenerateOptions how = greedy(1);
    const auto prompt = fresh_prompt(tokens);
    const auto start = Clock::now();
    how.on_token = [&](int32_t) { return seconds = seconds_between(start, Clock::now()), true; };
    MXPATH_TRY(const Generation ignored, session_.generate(prompt, how));
    return seconds;
  }

  /// Seconds of each step of an answer after `depth` tokens; fewer when told to stop.
  Result<std::vector<double>> answer_once(int depth, int steps) {
    std::vector<double> seconds;
    auto last = Clock::now();
    int seen = 0;
    GenerateOptions how = greedy(1 + warm_up_steps + steps);
    how.on_token = [&](int32_t) {
      const auto now = Clock::now();
      if (seen++ > warm_up_steps) seconds.push_back(seconds_between(last, now));
      if (options_.progress) options_.progress("answering", seconds.size(), static_cast<uint64_t>(steps));
      last = Clock::now();
      return going();
    };
    MXPATH_TRY(const Generation ignored, session_.generate(fresh_prompt(std::max(depth, 1)), how));
    return seconds;
  }

  std::map<std::string, int> paths_of(const Trace& trace, size_t first) const {
    std::map<std::string, int> calls;
    for (size_t i = first; i < trace.size(); ++i) ++calls[std::string(trace[i]->name)];
    return calls;
  }

  /// The warm-up, which also tells which rows run: nothing is recorded while time is taken.
  Status record_paths() {
    Trace trace;
    session_.set_trace(&trace);
    const int longest = options_.prompts.empty() ? 1 : std::max(1, std::ranges::max(options_.prompts));
    const auto read = read_once(std::min(longest, model_.plan.chunk));
    if (read.ok() && longest > 1) result_.prompt_paths = paths_of(trace, 0);
    trace.clear();
    size_t before_last = 0, last = 0;
    GenerateOptions how = greedy(2);
    how.progress = {};
    how.on_token = [&](int32_t) { return before_last = std::exchange(last, trace.size()), true; };
    const auto answered = session_.generate(fresh_prompt(1), how);
    session_.set_trace(nullptr);
    MXPATH_CHECK(read);
    MXPATH_CHECK(answered);
    if (options_.tokens > 0) result_.step_paths = paths_of(trace, before_last);
    return {};
  }

  Status measure_prompt(int tokens) {
    Measurement out{
        .tokens = tokens, .depth = 0, .seconds = {}, .expected = expect_prompt(model_.plan, machine_, tokens)};
    MXPATH_CHECK(read_once(std::min(tokens, model_.plan.chunk)));
    for (int i = 0; i < options_.repeat && going(); ++i) {
      MXPATH_TRY(const double seconds, read_once(tokens));
      if (seconds > 0) out.seconds.push_back(seconds);
    }
    if (!out.seconds.empty()) result_.prompts.push_back(std::move(out));
    return {};
  }

  Status measure_steps(int depth) {
    const int middle = std::max(depth, 1) + warm_up_steps + options_.tokens / 2 + 1;
    Measurement out{.tokens = 1, .depth = depth, .seconds = {}, .expected = expect_step(model_.plan, machine_, middle)};
    MXPATH_TRY(out.seconds, answer_once(depth, options_.tokens));
    if (!out.seconds.empty()) result_.steps.push_back(std::move(out));
    return {};
  }

  Status measure_side_by_side(int depth, int sequences) {
    const int middle = std::max(depth, 1) + warm_up_steps + options_.tokens / 2 + 1;
    Measurement out{.tokens = sequences,
                    .depth = depth,
                    .seconds = {},
                    .expected = expect_step(model_.plan, machine_, middle, sequences)};
    session_.forget();  // all places are for the texts
    Texts texts(session_.executor(), random_);
    for (int i = 0; i < sequences; ++i) MXPATH_CHECK(texts.add(fresh_prompt(std::max(depth, 1))));
    for (int step = -warm_up_steps; step < options_.tokens && going(); ++step) {
      const auto start = Clock::now();
      MXPATH_CHECK(texts.step());
      if (step >= 0) out.seconds.push_back(seconds_between(start, Clock::now()));
      if (options_.progress) options_.progress("answering", out.seconds.size(), static_cast<uint64_t>(options_.tokens));
    }
    if (!out.seconds.empty()) result_.steps.push_back(std::move(out));
    return {};
  }

  const Model& model_;
  Session& session_;
  const Machine& machine_;
  const BenchOptions& options_;
  Random random_;
  int32_t prompts_ = 0;
  BenchResult result_;
};

}  // namespace

int most_sequences_of(const BenchOptions& options) {
  return options.sequences.empty() ? 1 : std::ranges::max(options.sequences);
}

int longest_text(const BenchOptions& options) {
  int longest = 1;
  for (const int tokens : options.prompts) longest = std::max(longest, tokens + 1);
  for (const int depth : options.depths)
    if (options.tokens > 0) longest = std::max(longest, std::max(depth, 1) + 1 + warm_up_steps + options.tokens);
  return longest;
}

double Measurement::quantile(double share) const {
  std::vector<double> sorted = seconds;
  std::ranges::sort(sorted);
  return sorted[static_cast<size_t>(std::lround(share * static_cast<double>(sorted.size() - 1)))];
}

Result<BenchResult> bench(const LoadedModel& loaded, Session& session, const Machine& machine,
                          const BenchOptions& options) {
  return Bench(loaded, session, machine, options).run();
}

}  // namespace mxpath
