#include "app/reports/compare.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "app/answer.h"
#include "app/conversation.h"
#include "app/planner.h"
#include "app/reports/answer_pattern.h"
#include "app/reports/compare_plan.h"
#include "app/runtime.h"
#include "base/hint.h"
#include "base/text.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

constexpr int longest_answer = 600;  // tokens of a problem's solution
constexpr int speed_runs = 3;

/// Tokens, and the first position whose next-token distribution counts.
struct Text {
  std::vector<Token> tokens;
  size_t first = 0;
};

/// What the FP32 forward says along the texts: logits [positions, V], what turns them into log-probabilities, and the
/// most likely token of each.
struct Yardstick {
  std::vector<Text> texts;
  std::vector<float> logits;
  std::vector<double> log_sums;
  std::vector<int32_t> best;
};

Policy fp32_policy(const Policy& policy, bool kv_too) {
  Policy exact = policy;
  if (kv_too) exact.kv = NumberFormat::fp32;
  exact.weights.reset(), exact.dense_weights.reset(), exact.only.clear(), exact.inject_failure.clear();
  exact.numerics = Numerics::checkpoint, exact.strict = false;
  for (const KernelPath* path : catalogue().paths)
    if (path->arithmetic != Arithmetic::f32) exact.exclude.emplace_back(path->name);
  return exact;
}

int32_t most_likely(std::span<const float> values) {
  return static_cast<int32_t>(std::ranges::max_element(values) - values.begin());
}

Progress progress_of(const CompareOptions& options, const std::string& what) {
  return options.progress ? options.progress(what) : Progress();
}

Result<std::unique_ptr<Runtime>> load(const ModelFiles& files, const Machine& machine, const Policy& policy,
                                      const CompareOptions& options, std::string_view name) {
  return start(files, machine, policy,
               {.progress = progress_of(options, fmt::format("{}: ", name)), .notice = options.notice});
}

Result<Generation> greedy(Runtime& runtime, std::span<const Token> prompt, int tokens, std::vector<Token> stops) {
  GenerateOptions generate;
  generate.max_new_tokens = tokens, generate.sampling.temperature = 0, generate.stop_tokens = std::move(stops);
  generate.largest_token = runtime.files.tokenizer->special().largest;
  return runtime.session.generate(prompt, generate);
}

/// A plain text is cut to the positions that are left; a message is answered with so many tokens.
Result<Text> text_of(Runtime& runtime, const ComparePrompt& prompt, int positions) {
  const Tokenizer& tokenizer = *runtime.files.tokenizer;
  Text text;
  if (prompt.plain) {
    text.tokens = tokenizer.encode(prompt.text);
    text.tokens.resize(std::min(text.tokens.size(), static_cast<size_t>(positions) + 1));
    return text;
  }
  MXPATH_TRY(text.tokens, Conversation({}).prompt(tokenizer, prompt.text));
  text.first = text.tokens.size() - 1;
  MXPATH_TRY(const Generation answer, greedy(runtime, text.tokens, positions, harmony::stop_tokens(tokenizer)));
  text.tokens.insert(text.tokens.end(), answer.tokens.begin(), answer.tokens.end());
  return text;
}

/// The last token is only predicted, never read.
std::span<const Token> read_part(const Text& text) { return std::span(text.tokens).first(text.tokens.size() - 1); }

Result<Yardstick> measure_yardstick(Runtime& runtime, const std::vector<ComparePrompt>& prompts, int positions) {
  Yardstick yard;
  int left = positions;
  for (size_t i = 0; i < prompts.size() && left > 0; ++i) {
    const int share = (left + static_cast<int>(prompts.size() - i) - 1) / static_cast<int>(prompts.size() - i);
    MXPATH_TRY(Text text, text_of(runtime, prompts[i], share));
    if (text.tokens.size() < text.first + 2) continue;  // nothing to predict
    const auto note = [&](size_t position, std::span<const float> logits) {
      if (position < text.first) return;
      yard.logits.insert(yard.logits.end(), logits.begin(), logits.end());
      yard.log_sums.push_back(log_sum_exp(logits));
      yard.best.push_back(most_likely(logits));
    };
    MXPATH_CHECK(runtime.session.visit_logits(read_part(text), note));
    left -= static_cast<int>(text.tokens.size() - 1 - text.first);
    yard.texts.push_back(std::move(text));
  }
  if (yard.texts.empty()) return fail("the prompts are too short: not one of them has two tokens");
  return yard;
}

/// Fills kl, delta and top1.
Status measure_distance(ComparedFormat& format, Runtime& runtime, const Yardstick& yard) {
  size_t at = 0, same = 0;
  for (const Text& text : yard.texts) {
    const auto note = [&](size_t position, std::span<const float> logits) {
      if (position < text.first) return;
      const std::span<const float> expected(&yard.logits[at * logits.size()], logits.size());
      const double sum = log_sum_exp(logits), expected_sum = yard.log_sums[at];
      const auto difference = [&](size_t i) {
        return (static_cast<double>(expected[i]) - expected_sum) - (static_cast<double>(logits[i]) - sum);
      };
      for (size_t i = 0; i < logits.size(); ++i)
        format.kl += std::exp(static_cast<double>(expected[i]) - expected_sum) * difference(i);
      format.delta += std::abs(difference(static_cast<size_t>(text.tokens[position + 1])));
      same += most_likely(logits) == yard.best[at];
      ++at;
    };
    MXPATH_CHECK(runtime.session.visit_logits(read_part(text), note));
  }
  const auto count = static_cast<double>(at);
  format.kl = std::max(format.kl / count, 0.0), format.delta /= count, format.top1 = static_cast<double>(same) / count;
  return {};
}

/// The best of a few runs: a computer has other things to do as well.
Status measure_speed(ComparedFormat& format, Runtime& runtime, const Text& text, int tokens) {
  for (int run = 0; run < speed_runs; ++run) {
    MXPATH_TRY(const Generation answer, greedy(runtime, std::span(text.tokens).first(text.first + 1), tokens, {}));
    if (answer.tokens.size() > 1 && answer.answer_seconds > 0)
      format.tokens_per_second =
          std::max(format.tokens_per_second, static_cast<double>(answer.tokens.size() - 1) / answer.answer_seconds);
  }
  return {};
}

Result<bool> solves(Runtime& runtime, const CompareProblem& problem, const AnswerPattern& right) {
  MXPATH_TRY(const auto prompt, Conversation({}).prompt(*runtime.files.tokenizer, problem.prompt));
  AnswerOptions how;
  how.sampling.temperature = 0, how.max_new_tokens = longest_answer;
  MXPATH_TRY(const Answer answer, answer_chat(runtime.session, *runtime.files.tokenizer, prompt, how));
  const auto found = right.is_in(answer.text);
  if (!found.ok())
    return fail("the pattern {} takes too long on an answer ({}); make it simpler", printable(problem.pattern),
                found.error().message);
  return found;
}

Result<std::vector<AnswerPattern>> compile_patterns(const std::vector<CompareProblem>& problems) {
  std::vector<AnswerPattern> patterns;
  for (const CompareProblem& problem : problems) {
    auto pattern = AnswerPattern::compile(problem.pattern);
    if (!pattern.ok())
      return fail("the pattern {} of the problem {} is not a regular expression: {}", printable(problem.pattern),
                  printable(problem.prompt), pattern.error().message);
    patterns.push_back(std::move(pattern).value());
  }
  return patterns;
}

uint64_t weight_bytes(const Plan& plan) {
  return plan.memory().weights + plan.gpu_memory().weights + plan.memory().mapped;
}

Status measure(ComparedFormat& format, Runtime& runtime, const Yardstick& yard, const CompareOptions& options,
               const std::vector<AnswerPattern>& patterns) {
  format.bytes = weight_bytes(runtime.plan());
  format.kv_bytes = runtime.plan().memory().kv_cache + runtime.plan().gpu_memory().kv_cache;
  format.path = fmt::format("{}", fmt::join(runtime.plan().paths_of(SiteId::gate_up, 1), ", "));
  MXPATH_CHECK(measure_distance(format, runtime, yard));
  MXPATH_CHECK(measure_speed(format, runtime, yard.texts.front(), options.speed_tokens));
  const Progress progress = progress_of(options, fmt::format("{}: ", name_of(format)));
  for (size_t i = 0; i < patterns.size(); ++i) {
    MXPATH_TRY(const bool right, solves(runtime, options.problems[i], patterns[i]));
    format.right += right;
    if (progress) progress("solving problems", i + 1, patterns.size());
  }
  return {};
}

/// An answer that the context cuts off would count as a wrong one. What the model itself cannot hold is its own limit,
/// and counts.
Status check_problems_fit(const ModelFiles& files, const Policy& policy, const std::vector<CompareProblem>& problems) {
  const int most = files.manifest.config.max_positions,
            context = std::min(policy.context ? policy.context : default_context, most);
  int longest = 0;
  for (const CompareProblem& problem : problems) {
    MXPATH_TRY(const auto prompt, Conversation({}).prompt(*files.tokenizer, problem.prompt));
    longest = std::max(longest, static_cast<int>(prompt.size()));
  }
  const int needed = std::min(longest + longest_answer, most);
  if (problems.empty() || needed <= context) return {};
  return wrong_use(
      "{}: the longest problem has {} tokens and its answer may have {}, and an answer that is cut off would count as "
      "wrong; use "
      "{} or more, or {}",
      mention(Knob::context, context), longest, longest_answer, mention(Knob::context, needed),
      mention(Knob::problems, 0));
}

void measure_format(Asked& asked, const ModelFiles& files, const Machine& machine, const CompareOptions& options,
                    const Yardstick& yard, const std::vector<AnswerPattern>& patterns) {
  if (!asked.format.problem.empty()) return;
  const auto runtime = load(files, machine, asked.policy, options, name_of(asked.format));
  if (!runtime.ok()) return note_problem(asked.format, runtime.error());
  if (const Status measured = measure(asked.format, **runtime, yard, options, patterns); !measured.ok())
    note_problem(asked.format, measured.error());
}

}  // namespace

Result<CompareReport> compare(const ModelFiles& files, const Machine& machine, const Policy& policy,
                              const CompareOptions& options) {
  MXPATH_CHECK(check_vocabulary(files, false));
  MXPATH_TRY(auto asked, plan_formats(files, machine, policy, options));
  MXPATH_TRY(const auto patterns, compile_patterns(options.problems));
  MXPATH_CHECK(check_problems_fit(files, policy, options.problems));
  MXPATH_TRY(auto exact, load(files, machine, fp32_policy(policy, !options.kv.empty()), options, "fp32 forward"));
  MXPATH_TRY(
      const Yardstick yard,
      measure_yardstick(*exact, options.prompts.empty() ? default_prompts() : options.prompts, options.positions));
  CompareReport report;
  report.model = exact->plan().model, report.machine = exact->plan().machine;
  report.positions = static_cast<int>(yard.best.size()), report.texts = static_cast<int>(yard.texts.size()),
  report.problems = static_cast<int>(options.problems.size());
  report.formats.emplace_back().weights = "fp32 forward";
  if (!options.kv.empty()) report.formats.back().kv = name_of(NumberFormat::fp32);
  MXPATH_CHECK(measure(report.formats.back(), *exact, yard, options, patterns));
  exact.reset();  // one model at a time
  for (Asked& one : asked) {
    measure_format(one, files, machine, options, yard, patterns);
    report.formats.push_back(std::move(one.format));
  }
  return report;
}

Status check_compare(const CompareReport& report, const CompareOptions& options) {
  const auto failed = [](const ComparedFormat& f) { return !f.problem.empty(); };
  const auto strictly = [&](const ComparedFormat& f) { return failed(f) && f.problem_kind == ErrorKind::refused; };
  const auto formats = std::span(report.formats).subspan(1);
  auto worst = options.weights.empty() && options.kv.empty() ? formats.end() : std::ranges::find_if(formats, strictly);
  if (worst == formats.end() && std::ranges::all_of(formats, failed)) worst = formats.begin();
  if (worst == formats.end()) return {};
  return Error{fmt::format("{}: {}", name_of(*worst), worst->problem), worst->problem_kind};
}

}  // namespace mxpath
