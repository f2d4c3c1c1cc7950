// Many sequences on a GPU: each gives what it gives alone, as far as rows that choose a kernel by the number of tokens
// can. Skipped where there is no GPU; tools/cuda_check.sh runs it where there is one.
#include <gtest/gtest.h>

#include "gpu_for_test.h"
#include "kv_formats.h"

namespace mxpath {
namespace {

using test::Server;

/// All of it on one GPU, where decode steps are recorded, or the experts or a layer beside it on the computer.
struct Place {
  const char* name;
  int gpu_layers, cpu_experts;
};
constexpr Place places[] = {{"whole", 1000, 0}, {"all_experts_on_the_cpu", 1000, 1000}, {"one_layer", 1, 0}};

Policy policy_of(const Place& place) {
  Policy policy;
  policy.device = DeviceChoice::cuda, policy.gpu_layers = place.gpu_layers, policy.cpu_experts = place.cpu_experts;
  return policy;
}

class CudaSequences : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  }
  const test::Golden golden = test::read_golden("window_three");
};

TEST_P(CudaSequences, OfAnyBatchGiveWhatEachGivesAlone) {
  test::expect_any_batch_as_alone(golden, policy_of(GetParam()), test::this_machine());
}

TEST_P(CudaSequences, GiveTheSameWhereTheirPagesAreTakenAway) {
  test::expect_preempted_as_alone(golden, policy_of(GetParam()), test::this_machine());
}

TEST_P(CudaSequences, GiveTheSameWhereTheirPromptsAreCut) {
  test::expect_cut_prompts_as_alone(golden, policy_of(GetParam()), test::this_machine());
}

TEST_P(CudaSequences, GoOnFromAPrefixOfAnyLength) {
  Policy policy = policy_of(GetParam());
  policy.context = 512, policy.sequences = 2, policy.kv_memory = uint64_t{32} << 20;  // nothing needs to go
  const Server server(golden.folder, policy, test::this_machine());
  ASSERT_TRUE(server.executor);
  ModelExecutor& executor = *server.executor;
  constexpr size_t longest = 400;
  Random random(3);
  const auto text = test::random_text(random, longest + 1, server.vocab());
  const auto expected = test::logprobs_of(server, text);
  ASSERT_EQ(expected.size(), text.size());
  const int sequence = executor.open_empty().value();
  for (size_t at = 0; at < text.size(); at += 64) {
    const size_t end = std::min(at + 64, text.size());
    const StepPart part{sequence, std::span(text).subspan(at, end - at), false};
    ASSERT_TRUE(executor.step({&part, 1}).ok());
    executor.keep(sequence, std::span(text).first(end), 0);
  }
  executor.close(sequence);
  std::vector<std::vector<double>> found;
  for (size_t shared = 1; shared <= longest; ++shared) {
    const Opened opened = executor.open(std::span(text).first(shared + 1), 0).value();
    EXPECT_EQ(opened.reused, static_cast<int64_t>(shared));
    const StepPart part{opened.sequence, std::span(text).subspan(shared, 1), true};
    ASSERT_TRUE(executor.step({&part, 1}).ok());
    const auto logits = executor.logits(0);
    ASSERT_TRUE(logits.ok()) << logits.error().message;
    found.push_back(test::logprobs_of_row(*logits));
    executor.close(opened.sequence);
  }
  // Each is off from FP32 by as much as a BF16 forward at most.
  const test::Off off = test::differences(found, {expected.begin() + 1, expected.end()});
  const double noise = test::noise_of(golden, server.plan());
  EXPECT_LE(off.middle, noise);
  EXPECT_LE(off.mean, 2 * noise);
  EXPECT_TRUE(std::isfinite(off.mean));
}

INSTANTIATE_TEST_SUITE_P(Places, CudaSequences, testing::ValuesIn(places),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(CudaKv, FormatsAreAsCloseToFp32AsTheirRounding) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  Policy policy = policy_of(places[0]);
  policy.only = {"*.cuda.portable.*"};  // rows that round what they read would drown the rounding of the cache
  for (const char* name : {"rope_truncate", "top_four"})
    test::expect_kv_formats_are_close(test::read_golden(name), policy, test::this_machine());
}

TEST(CudaKv, PagesThatNobodyWroteNeverReachALogit) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  for (const NumberFormat kv : kv_formats())
    for (const Place& place : {places[0], places[2]}) {
      Policy policy = policy_of(place);
      policy.kv = kv, policy.context = 512, policy.sequences = 16;
      test::expect_poison_is_never_read(test::read_golden("window_three"), policy, test::this_machine());
    }
}

TEST(CudaKv, OverflowIsASentenceThatNamesTheLayerAndTheFormat) {
  if (!test::no_gpu().empty()) GTEST_SKIP() << test::no_gpu();
  test::expect_overflow_is_told(policy_of(places[0]), test::this_machine());
}

}  // namespace
}  // namespace mxpath
