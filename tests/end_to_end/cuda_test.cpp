// The whole model on a GPU: against transformers, against the CPU, in every placement, and with every row made to fail.
// Skipped where there is no GPU; tools/cuda_check.sh runs it where there is one.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <set>
#include <thread>

#include "base/random.h"
#include "base/text.h"
#include "checkpoint/random_checkpoint.h"
#include "checkpoint/test_folder.h"
#include "engine/load.h"
#include "engine/session.h"
#include "golden.h"
#include "gpu_for_test.h"
#include "kernels/catalogue.h"

namespace mxpath {
namespace {

using test::Golden, test::GoldenPrompt;

std::string no_second_gpu() {
  if (!test::no_gpu().empty()) return test::no_gpu();
  return test::this_machine().gpus.size() < 2 ? "there is one GPU" : test::this_machine().gpus[1].problem;
}

/// A CPU that planning thinks slow, so that even a small model is placed on the GPU without being forced there.
Machine slow_cpu() {
  Machine machine = test::this_machine();
  machine.cpu.bandwidth = 1e9;
  for (double& flops : machine.cpu.flops) flops = std::min(flops, 1e9);
  return machine;
}

struct Loaded {
  std::unique_ptr<LoadedModel> model;
  std::vector<std::string> notices;
};

Loaded load(const std::string& folder, const Policy& policy, const Machine& machine = test::this_machine()) {
  Loaded out;
  auto loaded = load_model(folder, catalogue(), machine, policy,
                           {.progress = {}, .notice = [&](const std::string& text) { out.notices.push_back(text); }});
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
  if (loaded.ok()) out.model = std::move(loaded).value();
  return out;
}

std::vector<int32_t> greedy(Session& session, std::span<const int32_t> prompt, int count, bool use_cache = true) {
  GenerateOptions options;
  options.max_new_tokens = count, options.sampling.temperature = 0, options.use_cache = use_cache;
  auto generation = session.generate(prompt, options);
  EXPECT_TRUE(generation.ok()) << (generation.ok() ? "" : generation.error().message);
  return generation.ok() ? generation->tokens : std::vector<int32_t>{};
}

double mean_difference(Session& session, const GoldenPrompt& prompt) {
  const size_t vocab = prompt.logprobs.size() / prompt.tokens.size();
  const auto score = session.score(prompt.tokens, static_cast<int>(vocab));
  EXPECT_TRUE(score.ok()) << (score.ok() ? "" : score.error().message);
  if (!score.ok()) return 1e9;
  double sum = 0;
  for (size_t i = 0; i < score->top.size(); ++i)
    for (const auto& [id, logprob] : score->top[i])
      sum += std::abs(logprob - static_cast<double>(prompt.logprobs[i * vocab + static_cast<size_t>(id)]));
  return sum / static_cast<double>(prompt.logprobs.size());
}

/// Equal but for ties: after a step whose two best tokens lie closer together than the noise anything may follow.
void expect_same_but_for_ties(const std::vector<int32_t>& tokens, const GoldenPrompt& prompt, const std::string& what) {
  ASSERT_EQ(tokens.size(), prompt.greedy.size()) << what;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == prompt.greedy[i]) continue;
    EXPECT_LE(prompt.gaps[i], prompt.bf16_mean_abs_delta) << what << ", step " << i;
    return;
  }
}

/// Where a small model can be put: by the number of layers on the GPU and of those without their experts.
struct Place {
  const char* name;
  int gpu_layers, cpu_experts;
};
constexpr Place places[] = {{"whole", 1000, 0},
                            {"experts_of_one_layer_on_the_cpu", 1000, 1},
                            {"all_experts_on_the_cpu", 1000, 1000},
                            {"one_layer", 1, 0},
                            {"last_layer_without_experts", 1, 1}};

Policy policy_of(const Place& place) {
  Policy policy;
  policy.device = DeviceChoice::cuda, policy.gpu_layers = place.gpu_layers, policy.cpu_experts = place.cpu_experts;
  return policy;
}

class CudaGolden : public testing::TestWithParam<std::tuple<std::string, Place>> {};

TEST(CudaThreads, AModelAnswersOnAnotherThreadThanItWasLoadedOn) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  const Golden golden = test::read_golden("sharded");
  const Loaded loaded = load(golden.folder, policy_of(places[0]));
  ASSERT_NE(loaded.model, nullptr);
  auto session = Session::create(loaded.model->model, *loaded.model->threads).value();
  const auto& prompt = golden.prompts.front().tokens;
  const auto here_first = greedy(session, prompt, 12);  // with a graph, from the third token on
  std::vector<int32_t> there;
  std::thread([&] { there = greedy(session, prompt, 12); }).join();
  EXPECT_EQ(there, here_first);
  std::thread([&] { Session moved = std::move(session); }).join();  // what it holds on the device is freed there
}

TEST(CudaThreads, TwoEnginesSideBySideAnswerAsEachAlone) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  const Golden golden = test::read_golden("sharded");
  const auto& prompt = golden.prompts.front().tokens;
  // On two devices where there are two.
  Policy first = policy_of(places[0]), second = first;
  second.gpus = {cuda_device(no_second_gpu().empty() ? 1 : 0)};
  const Loaded a = load(golden.folder, first), b = load(golden.folder, second);
  ASSERT_TRUE(a.model && b.model);
  auto session_a = Session::create(a.model->model, *a.model->threads).value(),
       session_b = Session::create(b.model->model, *b.model->threads).value();
  const auto alone = greedy(session_a, prompt, 24);
  EXPECT_EQ(greedy(session_b, prompt, 24), alone);
  for (int round = 0; round < 4; ++round) {
    std::vector<int32_t> side_a, side_b;
    std::thread thread_a([&] { side_a = greedy(session_a, prompt, 24); }),
        thread_b([&] { side_b = greedy(session_b, prompt, 24); });
    thread_a.join(), thread_b.join();
    EXPECT_EQ(side_a, alone);
    EXPECT_EQ(side_b, alone);
  }
}

TEST_P(CudaGolden, CloserToFp32ThanABf16ForwardIs) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  const auto& [name, place] = GetParam();
  const Golden golden = test::read_golden(name);
  const Loaded loaded = load(golden.folder, policy_of(place));
  ASSERT_NE(loaded.model, nullptr);
  EXPECT_TRUE(loaded.notices.empty()) << loaded.notices.front();
  auto session = Session::create(loaded.model->model, *loaded.model->threads);
  ASSERT_TRUE(session.ok()) << session.error().message;
  Trace trace;
  session->set_trace(&trace);
  double worst = 0;
  for (const GoldenPrompt& prompt : golden.prompts) {
    const double difference = mean_difference(*session, prompt);
    EXPECT_LT(difference, prompt.bf16_mean_abs_delta) << name << ", " << place.name;
    worst = std::max(worst, difference / prompt.bf16_mean_abs_delta);
    expect_same_but_for_ties(greedy(*session, prompt.tokens, static_cast<int>(prompt.greedy.size())), prompt,
                             name + ", " + place.name);
  }
  RecordProperty("mean_abs_delta_share_of_bf16", std::to_string(worst));
  // Prove where it ran.
  std::map<DeviceKind, int> ran;
  for (const KernelPath* path : trace) ++ran[path->device];
  EXPECT_GT(ran[DeviceKind::cuda], 0);
  if (loaded.model->model.plan.placement.all_on_gpus()) EXPECT_EQ(ran[DeviceKind::cpu], 0);
  else EXPECT_GT(ran[DeviceKind::cpu], 0);
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, CudaGolden,
                         testing::Combine(testing::ValuesIn(test::golden_names()), testing::ValuesIn(places)),
                         [](const auto& param) {
                           return std::get<0>(param.param) + "_" + std::get<1>(param.param).name;
                         });

TEST(Cuda, EveryWeightFormatAnswers) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  const Golden golden = test::read_golden("top_four");
  const GoldenPrompt& prompt = golden.prompts[0];
  for (const char* format : {"fp32", "bf16", "fp16", "fp8-e4m3", "fp8-e5m2", "int8", "int4", "nf4-g32"}) {
    std::map<DeviceKind, double> difference;
    for (DeviceKind device : {DeviceKind::cpu, DeviceKind::cuda}) {
      Policy policy;
      policy.device = device == DeviceKind::cuda ? DeviceChoice::cuda : DeviceChoice::cpu;
      ASSERT_TRUE(set_weights(policy, format).ok()) << format;
      const Loaded loaded = load(golden.folder, policy);
      ASSERT_NE(loaded.model, nullptr) << format;
      auto session = Session::create(loaded.model->model, *loaded.model->threads).value();
      difference[device] = mean_difference(session, prompt);
    }
    // The same weights on both devices: what is left is the order of sums.
    EXPECT_NEAR(difference[DeviceKind::cuda], difference[DeviceKind::cpu], prompt.bf16_mean_abs_delta) << format;
  }
}

TEST(Cuda, AnswersTheSameWithAndWithoutTheCacheInAnyChunks) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  const Golden golden = test::read_golden("window_three");
  const GoldenPrompt& prompt = golden.prompts.back();
  for (int chunk : {0, 64, 7, 1}) {
    Policy policy = policy_of(places[0]);
    policy.chunk = chunk;
    const Loaded loaded = load(golden.folder, policy);
    ASSERT_NE(loaded.model, nullptr);
    auto session = Session::create(loaded.model->model, *loaded.model->threads).value();
    for (bool cache : {true, false})
      expect_same_but_for_ties(greedy(session, prompt.tokens, static_cast<int>(prompt.greedy.size()), cache), prompt,
                               "chunk " + std::to_string(chunk));
    // A second turn goes on from the cache.
    const auto again = greedy(session, prompt.tokens, static_cast<int>(prompt.greedy.size()));
    expect_same_but_for_ties(again, prompt, "second turn, chunk " + std::to_string(chunk));
  }
}

TEST(Cuda, SamplingRepeatsWithItsSeed) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  const Golden golden = test::read_golden("top_four");
  const Loaded loaded = load(golden.folder, policy_of(places[0]));
  auto session = Session::create(loaded.model->model, *loaded.model->threads).value();
  const auto sample = [&](uint64_t seed) {
    GenerateOptions options;
    options.max_new_tokens = 24, options.sampling.seed = seed;
    return session.generate(golden.prompts[0].tokens, options)->tokens;
  };
  EXPECT_EQ(sample(1), sample(1));
  EXPECT_NE(sample(1), sample(2));
}

TEST(Cuda, EveryRowCanFailAndTheModelStillAnswers) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  const Golden golden = test::read_golden("top_four");
  const GoldenPrompt& prompt = golden.prompts[0];
  for (const KernelPath* path : catalogue().paths) {
    if (path->device != DeviceKind::cuda) continue;
    for (const char* kind : {"", ":image"}) {
      Policy policy;
      policy.inject_failure = {std::string(path->name) + kind};
      const Loaded loaded = load(golden.folder, policy, slow_cpu());
      ASSERT_NE(loaded.model, nullptr) << path->name;
      EXPECT_FALSE(loaded.notices.empty()) << path->name;
      auto session = Session::create(loaded.model->model, *loaded.model->threads).value();
      Trace trace;
      session.set_trace(&trace);
      expect_same_but_for_ties(greedy(session, prompt.tokens, static_cast<int>(prompt.greedy.size())), prompt,
                               std::string(path->name));
      for (const KernelPath* ran : trace) EXPECT_NE(ran->name, path->name);
    }
  }
  Policy all;
  all.inject_failure = {"*.cuda.*"};
  const Loaded loaded = load(golden.folder, all, slow_cpu());
  ASSERT_NE(loaded.model, nullptr);
  EXPECT_EQ(loaded.model->model.plan.device.kind, DeviceKind::cpu);
  EXPECT_FALSE(loaded.model->model.plan.concessions.empty());
}

/// Two GPUs, with the copies between them as they come or by way of the computer's memory.
class TwoGpus : public testing::TestWithParam<std::tuple<std::string, bool>> {
 protected:
  void SetUp() override {
    if (!no_second_gpu().empty()) GTEST_SKIP() << no_second_gpu();
    allow_peers(std::get<1>(GetParam()));
    if (std::get<1>(GetParam()) && !peers(cuda_device(0), cuda_device(1))) GTEST_SKIP() << "these GPUs are no peers";
  }
  void TearDown() override { allow_peers(true); }
};

Policy split_after(int layers, int of) {
  Policy policy;
  policy.device = DeviceChoice::cuda;
  policy.gpus = {cuda_device(0), cuda_device(1)};
  policy.split = {layers, of - layers};
  return policy;
}

TEST_P(TwoGpus, AnswerAsOneWhereverTheLayersAreSplit) {
  const Golden golden = test::read_golden(std::get<0>(GetParam()));
  Policy alone;
  alone.device = DeviceChoice::cuda;
  alone.gpus = {cuda_device(0)};
  const Loaded one = load(golden.folder, alone);
  ASSERT_NE(one.model, nullptr);
  auto reference = Session::create(one.model->model, *one.model->threads).value();
  const int layers = one.model->model.config.layers;
  if (layers < 2) GTEST_SKIP() << "one layer cannot be split";
  for (int split = 1; split < layers; ++split) {
    const Loaded two = load(golden.folder, split_after(split, layers));
    ASSERT_NE(two.model, nullptr);
    EXPECT_TRUE(two.notices.empty()) << two.notices.front();
    const Plan& plan = two.model->model.plan;
    EXPECT_EQ(plan.placement.gpus, (std::vector<GpuShare>{{cuda_device(0), split}, {cuda_device(1), layers - split}}));
    EXPECT_TRUE(plan.placement.all_on_gpus());
    auto session = Session::create(two.model->model, *two.model->threads).value();
    for (const GoldenPrompt& prompt : golden.prompts) {
      const std::string what = fmt::format("{}, {} of {} layers on cuda:0", golden.folder, split, layers);
      // The same kernels on the same kind of card: the same bits.
      const int count = static_cast<int>(prompt.greedy.size());
      const auto tokens = greedy(session, prompt.tokens, count);
      if (test::this_machine().gpus[0].arch == test::this_machine().gpus[1].arch) {
        EXPECT_EQ(tokens, greedy(reference, prompt.tokens, count)) << what;
      }
      expect_same_but_for_ties(tokens, prompt, what);
      EXPECT_LT(mean_difference(session, prompt), prompt.bf16_mean_abs_delta) << what;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, TwoGpus,
                         testing::Combine(testing::ValuesIn(test::golden_names()), testing::Bool()),
                         [](const auto& param) {
                           return std::get<0>(param.param) + (std::get<1>(param.param) ? "_peers" : "_by_the_cpu");
                         });

TEST(CudaTwoGpus, ShareLayersWithTheCpu) {
  if (!no_second_gpu().empty()) GTEST_SKIP() << no_second_gpu();
  const Golden golden = test::read_golden("sharded");
  const GoldenPrompt& prompt = golden.prompts.front();
  Policy policy;
  policy.device = DeviceChoice::cuda;
  policy.gpus = {cuda_device(1), cuda_device(0)};
  for (const auto& [gpu_layers, cpu_experts] : {std::pair{1000, 1}, {1000, 1000}, {2, 1}}) {
    policy.gpu_layers = gpu_layers;
    policy.cpu_experts = cpu_experts;
    const Loaded loaded = load(golden.folder, policy);
    ASSERT_NE(loaded.model, nullptr);
    auto session = Session::create(loaded.model->model, *loaded.model->threads).value();
    expect_same_but_for_ties(greedy(session, prompt.tokens, static_cast<int>(prompt.greedy.size())), prompt,
                             loaded.model->model.plan.placement.to_string());
  }
}

TEST(CudaTwoGpus, ByUuidAndByNumberAreTheSame) {
  if (!no_second_gpu().empty()) GTEST_SKIP() << no_second_gpu();
  for (const int index : {0, 1}) {
    Policy policy;
    ASSERT_TRUE(set_device(policy, test::this_machine().gpus[static_cast<size_t>(index)].uuid).ok());
    const Loaded loaded = load(test::read_golden("sharded").folder, policy);
    ASSERT_NE(loaded.model, nullptr);
    EXPECT_EQ(loaded.model->model.plan.placement.to_string(), to_string(cuda_device(index)));
  }
}

constexpr double mib = 1 << 20;

/// What of the device a loaded model takes with its context full and its step recorded, in MiB.
struct Use {
  MemoryPlan plan;
  double taken = 0;        // since the call began, when everything that stays for good was there
  double since_probe = 0;  // since the machine was looked at, the driver's own included
};

double free_mib() { return static_cast<double>(free_device_memory(cuda_device(0)).value()) / mib; }

Use use_of(const std::string& folder, const Policy& policy) {
  const double before = free_mib();
  const Loaded loaded = load(folder, policy);
  if (!loaded.model) return {};
  const Model& model = loaded.model->model;
  auto session = Session::create(model, *loaded.model->threads).value();
  Random random(1);
  std::vector<int32_t> tokens;
  for (int i = 0; i < model.plan.context; ++i)
    tokens.push_back(static_cast<int32_t>(random.integer(0, model.config.vocab - 1)));
  EXPECT_TRUE(session.score(tokens, 0).ok());
  tokens.resize(tokens.size() / 2);
  EXPECT_EQ(greedy(session, tokens, 4).size(), 4u);
  const double after = free_mib();
  return {model.plan.memory(cuda_device(0)), before - after,
          static_cast<double>(test::this_machine().gpus[0].free_memory) / mib - after};
}

/// The second time, because the driver keeps what it has loaded for the first.
void expect_as_planned(const std::string& folder, const Policy& policy, const std::string& what) {
  use_of(folder, policy);
  const Use use = use_of(folder, policy);
  const double planned = static_cast<double>(use.plan.total()) / mib,
               reserve = static_cast<double>(test::this_machine().gpus[0].free_memory - use.plan.available) / mib;
  std::cout << what << ": planned " << planned << " MiB (weights " << static_cast<double>(use.plan.weights) / mib
            << ", cache " << static_cast<double>(use.plan.kv_cache) / mib << ", scratch "
            << static_cast<double>(use.plan.scratch) / mib << "), taken " << use.taken << " MiB, with the driver's own "
            << use.since_probe << " MiB\n";
  // cudaMalloc hands out pages of 2 MiB, and a recorded step is not ours to count: 16 MiB for both.
  EXPECT_NEAR(planned, use.taken, 0.03 * use.taken + 16) << what;
  EXPECT_LE(use.since_probe, planned + reserve) << what << ": the plan says that it fits into what is free";
}

TEST(CudaMemory, OfTheDemoIsAsPlanned) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  for (const char* format : {"as-stored", "bf16", "int8"}) {
    Policy policy = policy_of(places[0]);
    ASSERT_TRUE(set_weights(policy, format).ok());
    expect_as_planned(MXPATH_SOURCE_DIR "/models/demo", policy, std::string("demo, ") + format);
  }
}

TEST(CudaMemory, OfTheShapeOf20bIsAsPlanned) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  const TestFolder folder;
  RandomCheckpoint what;
  what.config = gpt_oss_20b_config();
  what.config.layers = 2, what.config.experts = 4, what.config.vocab = 8192;
  what.config.sliding = {true, false};
  ASSERT_TRUE(write_random_checkpoint(folder / "model", what).ok());
  for (const char* format : {"as-stored", "bf16", "int8", "fp8-e4m3"})
    for (const int chunk : {0, 1, 64, 512})
      for (const int cpu_experts : {0, 1}) {
        if ((chunk || cpu_experts) && std::string_view(format) != "as-stored") continue;
        Policy policy = policy_of({"", 1000, cpu_experts});
        policy.context = 4096, policy.chunk = chunk;
        ASSERT_TRUE(set_weights(policy, format).ok());
        expect_as_planned(
            folder / "model", policy,
            fmt::format("2 layers of 20b, {}, chunk {}, {} experts on the CPU", format, chunk, cpu_experts));
      }
}

TEST(Cuda, ADeviceThatIsFullerThanPlannedIsOneSentence) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  // Everything but a little is taken after the probe, as another program might.
  Machine before = test::this_machine();
  const uint64_t left = free_device_memory(cuda_device(0)).value();
  auto taken = Memory::allocate(cuda_device(0), left - (uint64_t{4} << 20));
  ASSERT_TRUE(taken.ok()) << taken.error().message;
  before.gpus.resize(1);  // with a second GPU the plan would go there
  Policy policy;
  policy.device = DeviceChoice::cuda;
  const auto loaded = load_model(test::read_golden("top_four").folder, catalogue(), before, policy);
  if (loaded.ok()) {  // the weights of a test checkpoint may be small enough: what a session needs is not
    const auto session = Session::create((*loaded)->model, *(*loaded)->threads);
    ASSERT_FALSE(session.ok());
    EXPECT_NE(session.error().message.find("of memory on cuda:0"), std::string::npos) << session.error().message;
  } else {
    EXPECT_NE(loaded.error().message.find("of memory on cuda:0"), std::string::npos) << loaded.error().message;
  }
}

}  // namespace
}  // namespace mxpath
