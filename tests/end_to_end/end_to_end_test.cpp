// The whole model against transformers, and the promises of the engine: threads, chunks, caches and fallbacks change
// nothing.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/hint.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/load.h"
#include "engine/session.h"
#include "golden.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

using test::Golden, test::GoldenPrompt;

std::unique_ptr<LoadedModel> load(const std::string& folder, const Policy& policy = {},
                                  std::vector<std::string>* notices = nullptr) {
  static const Machine machine = test::cpu_of_this_machine();
  auto loaded =
      load_model(folder, catalogue(), machine, policy, {.progress = {}, .notice = [&](const std::string& text) {
                                                          if (notices) notices->push_back(text);
                                                        }});
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
  return loaded.ok() ? std::move(loaded).value() : nullptr;
}

std::vector<int32_t> greedy(Session& session, std::span<const int32_t> prompt, int count, bool use_cache = true) {
  GenerateOptions options;
  options.max_new_tokens = count, options.sampling.temperature = 0, options.use_cache = use_cache;
  auto generation = session.generate(prompt, options);
  EXPECT_TRUE(generation.ok()) << (generation.ok() ? "" : generation.error().message);
  return generation.ok() ? generation->tokens : std::vector<int32_t>{};
}

/// Mean |Δ log-prob| over all positions and the whole vocabulary.
double mean_difference(Session& session, const GoldenPrompt& prompt) {
  const size_t vocab = prompt.logprobs.size() / prompt.tokens.size();
  const auto score = session.score(prompt.tokens, static_cast<int>(vocab));
  EXPECT_TRUE(score.ok());
  double sum = 0;
  for (size_t i = 0; i < score->top.size(); ++i)
    for (const auto& [id, logprob] : score->top[i])
      sum += std::abs(logprob - static_cast<double>(prompt.logprobs[i * vocab + static_cast<size_t>(id)]));
  return sum / static_cast<double>(prompt.logprobs.size());
}

/// The sets of paths that this machine can be made to run, by the glob that allows them.
std::vector<std::string> path_families() {
  std::vector<std::string> families = {"*"};
  const Machine machine = probe_machine();
  families.push_back("*.cpu.portable.*");
  if (machine.cpu.features.has(CpuFeature::avx2)) families.push_back("*.cpu.avx2.*");
  if (machine.cpu.features.has(CpuFeature::avx512)) families.push_back("*.cpu.avx512.*");
  if (machine.cpu.features.has(CpuFeature::avx512_bf16)) families.push_back("*.cpu.avx512_bf16.*");
  return families;
}

class GoldenTest : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(GoldenTest, CloserToFp32ThanABf16ForwardIs) {
  const auto& [name, family] = GetParam();
  const Golden golden = test::read_golden(name);
  Policy policy;
  if (family != "*") policy.only = {family};
  const auto loaded = load(golden.folder, policy);
  ASSERT_NE(loaded, nullptr);
  auto session = Session::create(loaded->model, *loaded->threads).value();
  Trace trace;
  session.set_trace(&trace);
  for (const GoldenPrompt& prompt : golden.prompts) {
    const double difference = mean_difference(session, prompt);
    EXPECT_LT(difference, prompt.bf16_mean_abs_delta) << name << " with " << family;
    RecordProperty("mean_abs_delta_share_of_bf16", std::to_string(difference / prompt.bf16_mean_abs_delta));
    const auto tokens = greedy(session, prompt.tokens, static_cast<int>(prompt.greedy.size()));
    for (size_t i = 0; i < prompt.greedy.size() && i < tokens.size(); ++i) {
      if (tokens[i] == prompt.greedy[i]) continue;
      EXPECT_LE(prompt.gaps[i], prompt.bf16_mean_abs_delta)
          << name << " step " << i;  // only a tie within the noise may fall the other way
      break;
    }
  }
  // Prove that the rows that were asked for are the rows that ran.
  ASSERT_FALSE(trace.empty());
  for (const KernelPath* path : trace) {
    const bool matmul = path->op == Op::linear || path->op == Op::moe_gate_up || path->op == Op::moe_down;
    EXPECT_TRUE(!matmul || glob_match(family, path->name)) << path->name;
  }
}

std::vector<std::string> names() { return test::golden_names(); }
INSTANTIATE_TEST_SUITE_P(Checkpoints, GoldenTest,
                         testing::Combine(testing::ValuesIn(names()), testing::ValuesIn(path_families())),
                         [](const auto& param) {
                           std::string text = std::get<0>(param.param) + "_" + std::get<1>(param.param);
                           std::erase_if(
                               text, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && c != '_'; });
                           return text;
                         });

TEST(Engine, GreedyOutputDoesNotDependOnThreadsChunksOrCache) {
  const Golden golden = test::read_golden("window_three");
  const auto& prompt = golden.prompts.back();
  std::vector<int32_t> expected;
  for (int threads : {1, 2, 3, 5})
    for (int chunk : {512, 64, 7, 1}) {
      Policy policy;
      policy.threads = threads, policy.chunk = chunk;
      const auto loaded = load(golden.folder, policy);
      auto session = Session::create(loaded->model, *loaded->threads).value();
      const auto tokens = greedy(session, prompt.tokens, 12);
      if (expected.empty()) expected = tokens;
      EXPECT_EQ(tokens, expected) << threads << " threads, chunk " << chunk;
    }
  const auto loaded = load(golden.folder);
  auto session = Session::create(loaded->model, *loaded->threads).value();
  EXPECT_EQ(greedy(session, prompt.tokens, 12, false), expected) << "without the key/value cache";
}

TEST(Engine, ASecondTurnReusesThePrefixAndGivesTheSame) {
  const Golden golden = test::read_golden("window_three");
  const auto loaded = load(golden.folder);
  const auto& tokens = golden.prompts.back().tokens;
  auto fresh = Session::create(loaded->model, *loaded->threads).value(),
       used = Session::create(loaded->model, *loaded->threads).value();
  const std::span<const int32_t> all(tokens), first = all.first(tokens.size() / 2);
  greedy(used, first, 5);
  GenerateOptions options;
  options.max_new_tokens = 8, options.sampling.temperature = 0;
  const auto second = used.generate(all, options);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->reused_tokens, static_cast<int>(first.size()));
  EXPECT_EQ(second->tokens, greedy(fresh, all, 8));
  // Going far back behind the ring must not reuse what it has forgotten.
  EXPECT_EQ(greedy(used, all.first(4), 8), greedy(fresh, all.first(4), 8));
}

TEST(Engine, RollbacksAfterRollbacksReuseOnlyWhatTheRingsStillHold) {
  const auto loaded = load(test::read_golden("window_three").folder, [] {
    Policy p;
    p.chunk = 64;
    return p;
  }());
  auto used = Session::create(loaded->model, *loaded->threads).value();
  Random random(7);
  std::vector<int32_t> text(200);
  for (auto& token : text) token = static_cast<int32_t>(random.integer(0, loaded->model.config.vocab - 1));
  GenerateOptions options;
  options.max_new_tokens = 4, options.sampling.temperature = 0;
  int reused = 0;
  // Tokens that a prompt shares with the one before, and its length: back, back again, and on.
  for (const auto& [shared, length] : std::vector<std::pair<size_t, size_t>>{
           {0, 200}, {150, 160}, {100, 110}, {60, 70}, {50, 200}, {170, 190}, {140, 150}, {120, 130}}) {
    text[shared] = (text[shared] + 1) % loaded->model.config.vocab;
    const auto prompt = std::span<const int32_t>(text).first(length);
    const auto answer = used.generate(prompt, options);
    auto fresh = Session::create(loaded->model, *loaded->threads).value();
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->tokens, greedy(fresh, prompt, 4)) << shared;
    reused += answer->reused_tokens;
  }
  EXPECT_GT(reused, 0);
}

TEST(Engine, SlidingLayersGiveTheirPagesBack) {
  const auto loaded = load(test::read_golden("window_three").folder, [] {
    Policy p;
    p.chunk = 16, p.context = 1024;
    return p;
  }());
  auto session = Session::create(loaded->model, *loaded->threads).value();
  std::vector<int32_t> text;
  for (int i = 0; i < 300; ++i) text.push_back(i % loaded->model.config.vocab);
  GenerateOptions options;
  options.max_new_tokens = 2, options.use_cache = false;
  ASSERT_TRUE(session.generate(text, options).ok());
  const KvCache& cache = session.executor().cache();
  const int64_t held = cache.pool(0).size() - cache.pool(0).free();
  // Five pages for the full layers; of the sliding ones no more than the last two.
  EXPECT_GE(held, 5 + 1);
  EXPECT_LE(held, 5 + 2) << "kinds of layers share pages";
  EXPECT_LE(held, cache.pages_for(0, 301));
}

TEST(Engine, SampledOutputRepeatsWithItsSeed) {
  const Golden golden = test::read_golden("top_four");
  const auto loaded = load(golden.folder);
  auto session = Session::create(loaded->model, *loaded->threads).value();
  const auto sample = [&](uint64_t seed) {
    GenerateOptions options;
    options.max_new_tokens = 24, options.sampling.seed = seed;
    return session.generate(golden.prompts[0].tokens, options)->tokens;
  };
  EXPECT_EQ(sample(1), sample(1));
  EXPECT_NE(sample(1), sample(2));
}

TEST(Engine, WrongInputIsOneSentence) {
  const Golden golden = test::read_golden("top_four");
  const auto loaded = load(golden.folder, [] {
    Policy p;
    p.context = 64;
    return p;
  }());
  auto session = Session::create(loaded->model, *loaded->threads).value();
  EXPECT_FALSE(session.generate(std::vector<int32_t>{}, {}).ok());
  EXPECT_FALSE(session.generate(std::vector<int32_t>{-1}, {}).ok());
  EXPECT_FALSE(session.generate(std::vector<int32_t>{loaded->model.config.vocab}, {}).ok());
  const auto too_long = session.generate(std::vector<int32_t>(65, 1), {});
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.error().message.find("the prompt has 65 tokens, but the context holds 64"), std::string::npos);
  GenerateOptions full;
  full.sampling.temperature = 0;
  const auto generation = session.generate(std::vector<int32_t>(60, 1), full);
  ASSERT_TRUE(generation.ok());
  EXPECT_EQ(generation->reason, EndReason::context);
  EXPECT_EQ(generation->tokens.size(), 4u);
  GenerateOptions one;
  one.max_new_tokens = 1;
  EXPECT_FALSE(session.generate(std::vector<int32_t>(64, 1), one).ok()) << "65 tokens";
  EXPECT_EQ(session.generate(std::vector<int32_t>(63, 1), full)->tokens.size(), 1u);
  EXPECT_EQ(session.generate(std::vector<int32_t>(62, 1), full)->tokens.size(), 2u);
  EXPECT_TRUE(session.read_logits(std::vector<int32_t>(64, 1)).ok());
}

TEST(Fallback, EveryRowCanFailAndTheModelStillAnswersTheSame) {
  const Golden golden = test::read_golden("top_four");
  const auto& prompt = golden.prompts[0];
  std::set<std::string> chosen;
  const auto best = load(golden.folder);
  for (const SitePlan& site : best->model.plan.sites)
    for (const Decision& d : site.decisions)
      if (!is_floor(*d.chosen)) chosen.insert(std::string(d.chosen->name));
  auto session = Session::create(best->model, *best->threads).value();
  const auto expected = greedy(session, prompt.tokens, 8);
  if (chosen.empty()) GTEST_SKIP() << "this CPU only has the portable rows";
  for (const std::string& name : chosen) {
    Policy policy;
    policy.inject_failure = {name};
    std::vector<std::string> notices;
    const auto loaded = load(golden.folder, policy, &notices);
    ASSERT_NE(loaded, nullptr);
    ASSERT_EQ(notices.size(), 1u);
    EXPECT_EQ(notices[0], name + " is not used: made to fail by " + mention(Knob::inject_failure));
    EXPECT_FALSE(loaded->model.plan.concessions.empty()) << name;
    auto again = Session::create(loaded->model, *loaded->threads).value();
    Trace trace;
    again.set_trace(&trace);
    EXPECT_EQ(greedy(again, prompt.tokens, 8), expected) << name;
    for (const KernelPath* path : trace) EXPECT_NE(path->name, name);
  }
}

TEST(Fallback, EndsAtThePortableRowsAndNeverBelow) {
  const Golden golden = test::read_golden("top_four");
  const Machine& machine = test::cpu_of_this_machine();
  Policy policy;
  for (const KernelPath* path : catalogue().paths)
    if (!is_floor(*path) && path->device == DeviceKind::cpu) policy.inject_failure.emplace_back(path->name);
  const auto loaded = load(golden.folder, policy);
  ASSERT_NE(loaded, nullptr);
  for (const SitePlan& site : loaded->model.plan.sites)
    for (const Decision& d : site.decisions) EXPECT_TRUE(is_floor(*d.chosen)) << d.chosen->name;
  policy.inject_failure = {"*.cpu.*"};
  const auto nothing = load_model(golden.folder, catalogue(), machine, policy);
  ASSERT_FALSE(nothing.ok());
  EXPECT_NE(nothing.error().message.find("the portable path failed its own check"), std::string::npos);
}

TEST(SelfCheck, EveryChosenRowPassesWithRoomToSpare) {
  const auto loaded = load(test::read_golden("one_kv_head").folder);
  ASSERT_FALSE(loaded->checks.empty());
  for (const SelfCheckResult& check : loaded->checks) {
    EXPECT_EQ(check.finding, "") << check.path;
    EXPECT_LE(check.worst, 1) << check.path;
  }
}

}  // namespace
}  // namespace mxpath
