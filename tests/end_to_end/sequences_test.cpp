// Many sequences on one model: each gives what it gives alone, whoever shares its steps, however its prompt is cut and
// whenever its pages are taken away.
#include "sequences.h"

#include <gtest/gtest.h>

#include "base/sanitized_for_test.h"

namespace mxpath {
namespace {

using test::Server, test::Served, test::serve;

/// The sets of paths that this machine can be made to run, by the glob that allows them or the policy's own word. A
/// sanitizer, which makes each five times as slow, looks at the one that users get; rows are looked at in kernels_test.
std::vector<std::string> path_families() {
  if (sanitized) return {"*"};
  std::vector<std::string> families = {"*", "deterministic", "*.cpu.portable.*"};
  const CpuFeatures features = test::cpu_of_this_machine().cpu.features;
  if (features.has(CpuFeature::avx2)) families.push_back("*.cpu.avx2.*");
  if (features.has(CpuFeature::avx512)) families.push_back("*.cpu.avx512.*");
  if (features.has(CpuFeature::avx512_bf16)) families.push_back("*.cpu.avx512_bf16.*");
  return families;
}

Policy only(const std::string& family) {
  Policy policy;
  if (family == "deterministic") policy.deterministic = true;
  else policy.only = {family};
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

  const test::Golden golden;
  const std::string family;
};

TEST_P(Sequences, OfAnyBatchGiveWhatEachGivesAlone) {
  test::expect_any_batch_as_alone(golden, only(family), test::cpu_of_this_machine());
}

TEST_P(Sequences, GiveTheSameWhereTheirPagesAreTakenAway) {
  test::expect_preempted_as_alone(golden, only(family), test::cpu_of_this_machine());
}

TEST_P(Sequences, GiveTheSameWhereTheirPromptsAreCut) {
  test::expect_cut_prompts_as_alone(golden, only(family), test::cpu_of_this_machine());
}

/// Or the tests above would prove less than they say.
TEST_P(Sequences, AreComparedBitForBitOnPortableRowsAndDeterministicOnes) {
  const auto plan =
      make_plan(open_manifest(golden.folder).value(), catalogue(), test::cpu_of_this_machine(), only(family));
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_TRUE(same_bits_in_any_batch(*plan) || (family != "*.cpu.portable.*" && family != "deterministic"));
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Sequences,
                         testing::Combine(testing::Values("window_three", "rope_truncate"),
                                          testing::ValuesIn(path_families())),
                         name_of_case);

TEST(SequencesOfTheDemo, GiveWhatEachGivesAlone) {
  Policy demo;
  demo.context = 512, demo.sequences = 16;
  const Server server(MXPATH_SOURCE_DIR "/models/demo", demo, test::cpu_of_this_machine());
  ASSERT_TRUE(server.executor);
  const auto requests = test::mixed_requests(17, server.vocab(), 24, 300, 24);
  const Served alone = test::serve_each_alone(*server.executor, requests);
  // What rows of other batch sizes round otherwise is far below this.
  const double noise = same_bits_in_any_batch(server.plan()) ? 0 : 0.05;
  test::Comparison(noise).add(requests, serve(*server.executor, requests), alone, "24 at once");
}

/// A prompt whose pages hold no numbers was found again and again, and the memory was blamed.
TEST(BrokenPrefixes, AreNotFoundTwice) {
  Policy policy;
  policy.context = 256;
  const Server server(test::read_golden("window_three").folder, policy, test::cpu_of_this_machine());
  ASSERT_TRUE(server.executor);
  Random random(5);
  Request request;
  request.prompt = test::random_text(random, 100, server.vocab()), request.max_new_tokens = 4;
  request.sampling.temperature = 0;
  const test::ServedAnswer first = serve(*server.executor, {request})[0][0];
  KvCache& cache = server.executor->cache();
  Stream stream;
  const std::vector<uint8_t> poison(cache.page_bytes(0), 0xff);
  for (PageId page = 0; page < cache.pool(0).size(); ++page)
    ASSERT_TRUE(cache.write(0, page, poison, {{cpu_device, &stream}}).ok());
  EXPECT_EQ(serve(*server.executor, {request})[0][0].end->reason, EndReason::error);
  EXPECT_EQ(test::difference(first, serve(*server.executor, {request})[0][0]), "");
}

}  // namespace
}  // namespace mxpath
