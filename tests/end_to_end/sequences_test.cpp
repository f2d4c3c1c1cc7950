// Many sequences on one model: each gives what it gives alone, whoever shares its steps, however its prompt is cut and
// whenever its pages are taken away.
#include "sequences.h"

#include <gtest/gtest.h>

namespace mxpath {
namespace {

using test::Server, test::Served, test::serve;

const Machine& here() {
  static const Machine machine = test::cpu_of_this_machine();
  return machine;
}

/// The sets of paths that this machine can be made to run, by the glob that allows them.
std::vector<std::string> path_families() {
  std::vector<std::string> families = {"*", "*.cpu.portable.*"};
  const CpuFeatures features = here().cpu.features;
  if (features.has(CpuFeature::avx2)) families.push_back("*.cpu.avx2.*");
  if (features.has(CpuFeature::avx512)) families.push_back("*.cpu.avx512.*");
  if (features.has(CpuFeature::avx512_bf16)) families.push_back("*.cpu.avx512_bf16.*");
  return families;
}

Policy policy_of(const std::string& family, int sequences) {
  Policy policy;
  if (family != "*") policy.only = {family};
  policy.context = 512, policy.sequences = sequences;
  return policy;
}

using Case = std::tuple<std::string, std::string>;  // checkpoint, family of rows

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  std::string text = std::get<0>(info.param) + "_" + std::get<1>(info.param);
  std::erase_if(text, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && c != '_'; });
  return text;
}

class Sequences : public testing::TestWithParam<Case> {
 protected:
  Sequences() : golden(test::read_golden(std::get<0>(GetParam()))), family(std::get<1>(GetParam())) {}

  /// What answers may be off by under a plan.
  double noise(const Plan& plan) const { return test::same_bits_in_any_batch(plan) ? 0 : test::noise_of(golden); }

  const test::Golden golden;
  const std::string family;
};

TEST_P(Sequences, OfAnyBatchGiveWhatEachGivesAlone) {
  const Server server(golden.folder, policy_of(family, 64), here());
  ASSERT_TRUE(server.executor);
  const auto requests = test::mixed_requests(7, server.vocab(), 64, 300, 24);
  EXPECT_TRUE(test::same_bits_in_any_batch(server.plan()) || family != "*.cpu.portable.*");
  const Served alone = test::serve_each_alone(*server.executor, requests);
  int answers = 0;
  for (const auto& request : alone) answers += static_cast<int>(request.size());
  ASSERT_EQ(answers, 64);
  // Those of the later batches find prompts of the earlier ones in the cache.
  for (const size_t size : {size_t{1}, size_t{2}, size_t{7}, requests.size()})
    for (size_t first = 0; first + size <= requests.size(); first += std::max<size_t>(size, 9)) {
      const auto begin = requests.begin() + static_cast<ptrdiff_t>(first);
      const Served served = serve(*server.executor, {begin, begin + static_cast<ptrdiff_t>(size)});
      test::expect_same(requests, served, alone, noise(server.plan()), fmt::format("{} at once", size), first);
    }
}

TEST_P(Sequences, GiveTheSameWhereTheirPagesAreTakenAway) {
  Policy policy = policy_of(family, 8);
  policy.context = 256;
  const Server roomy(golden.folder, policy, here());
  ASSERT_TRUE(roomy.executor);
  const Plan& plan = roomy.plan();
  policy.kv_memory = plan.kv.page_bytes(cpu_device) *
                     static_cast<uint64_t>(plan.kv.pages_for(cpu_device, plan.context, plan.chunk) + 2);
  const Server narrow(golden.folder, policy, here());
  ASSERT_TRUE(narrow.executor);

  auto requests = test::mixed_requests(11, roomy.vocab(), 12, 120, 200);
  for (size_t i = 0; i < requests.size(); i += 2) requests[i].max_new_tokens = 0, requests[i].stop_tokens.clear();
  const Served alone = test::serve_each_alone(*roomy.executor, requests);
  SchedulerOptions options;
  options.steps.answer_reserve = 8;  // so that more are let in than there are pages for
  SchedulerCounts counts;
  const Served served = serve(*narrow.executor, requests, options, &counts);
  EXPECT_GT(counts.steps.preemptions, 3u);
  test::expect_same(requests, served, alone, noise(narrow.plan()), "preempted");
}

TEST_P(Sequences, GiveTheSameWhereTheirPromptsAreCut) {
  const Server whole(golden.folder, policy_of(family, 16), here());
  ASSERT_TRUE(whole.executor);
  const auto requests = test::mixed_requests(13, whole.vocab(), 16, 300, 24);
  const Served alone = test::serve_each_alone(*whole.executor, requests);
  for (const int chunk : {64, 512}) {
    Policy policy = policy_of(family, 16);
    policy.chunk = chunk;
    const Server server(golden.folder, policy, here());
    ASSERT_TRUE(server.executor);
    // By the most that a step may read, and by a time in which it may read 64 tokens beside 8 answers, or one.
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
      test::expect_same(requests, served, alone, noise(server.plan()), fmt::format("chunk {}, {} s", chunk, target));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Sequences,
                         testing::Combine(testing::Values("window_three", "rope_truncate"),
                                          testing::ValuesIn(path_families())),
                         name_of_case);

TEST(SequencesOfTheDemo, GiveWhatEachGivesAlone) {
  const Server server(MXPATH_SOURCE_DIR "/models/demo", policy_of("*", 16), here());
  ASSERT_TRUE(server.executor);
  const auto requests = test::mixed_requests(17, server.vocab(), 24, 300, 24);
  const Served alone = test::serve_each_alone(*server.executor, requests);
  // What rows of other batch sizes round otherwise is far below this.
  const double noise = test::same_bits_in_any_batch(server.plan()) ? 0 : 0.05;
  test::expect_same(requests, serve(*server.executor, requests), alone, noise, "24 at once");
}

}  // namespace
}  // namespace mxpath
