// Keys and values in every format on the CPU.
#include "kv_formats.h"

#include <gtest/gtest.h>

namespace mxpath {
namespace {

using test::Server, test::Served, test::serve;

Policy policy_of(NumberFormat kv) {
  Policy policy;
  policy.kv = kv, policy.context = 512, policy.sequences = 16;
  return policy;
}

class KvFormats : public testing::TestWithParam<std::string> {};

TEST_P(KvFormats, AreAsCloseToFp32AsTheirRounding) {
  Policy policy;
  policy.only = {"*.cpu.portable.*"};  // rows that round what they read to BF16 would drown the rounding of the cache
  test::expect_kv_formats_are_close(test::read_golden(GetParam()), policy, test::cpu_of_this_machine());
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, KvFormats, testing::ValuesIn(test::golden_names()),
                         [](const auto& param) { return param.param; });

TEST(KvPoison, OfPagesThatNobodyWroteNeverReachesALogit) {
  const test::Golden golden = test::read_golden("window_three");
  for (const NumberFormat kv : kv_formats())
    for (const char* family : {"*", "*.cpu.portable.*", "*.cpu.avx2.*"}) {
      Policy policy = policy_of(kv);
      policy.only = {family};
      if (!make_plan(open_manifest(golden.folder).value(), catalogue(), test::cpu_of_this_machine(), policy).ok())
        continue;
      test::expect_poison_is_never_read(golden, policy, test::cpu_of_this_machine());
    }
}

TEST(KvOverflow, IsASentenceThatNamesTheLayerAndTheFormat) {
  test::expect_overflow_is_told({}, test::cpu_of_this_machine());
}

TEST(KvOverflow, EndsOneRequestAndLeavesTheOthers) {
  constexpr int32_t bad = 77;
  constexpr size_t hidden = 64;
  test::LooseCheckpoint checkpoint;
  // It alone has a first component, of which layer 0 makes a key that is too large.
  checkpoint.change("model.embed_tokens.weight", [](float x, size_t i) {
    const bool first = i % hidden == 0;
    if (i / hidden == bad) return first ? 1.0f : 0.0f;
    return first ? 0 : x;
  });
  checkpoint.change("model.layers.0.self_attn.k_proj.weight",
                    [](float x, size_t i) { return i % hidden == 0 ? 1e6f * x : x; });
  const Server server(checkpoint.write("model"), policy_of(NumberFormat::fp16), test::cpu_of_this_machine());
  ASSERT_TRUE(server.executor);
  auto requests = test::mixed_requests(23, bad, 12, 100, 12);
  for (Request& request : requests) request.largest_token = bad - 1;
  const Served alone = test::serve_each_alone(*server.executor, requests);
  const double noise = same_bits_in_any_batch(server.plan()) ? 0 : 0.05;
  test::Comparison comparison(noise);
  comparison.add(requests, serve(*server.executor, requests), alone, "without it");
  requests[2].prompt.back() = bad;
  for (int round = 0; round < 2; ++round) {  // in the second they find prompts in the cache
    Served served = serve(*server.executor, requests);
    for (const test::ServedAnswer& answer : served[2]) {
      ASSERT_TRUE(answer.end);
      EXPECT_EQ(answer.end->reason, EndReason::error);
      EXPECT_NE(answer.end->error.message.find("the attention of layer 0 is the first"), std::string::npos)
          << answer.end->error.message;
      EXPECT_TRUE(answer.tokens.empty());
    }
    served[2] = alone[2];
    comparison.add(requests, served, alone, "beside it");
  }
}

TEST(KvOverflow, IsNotBlamedForWhatTheWeightsDo) {
  test::LooseCheckpoint checkpoint;
  checkpoint.change("lm_head.weight", [](float, size_t i) { return i % 2 ? 3e38f : -3e38f; });
  const Server server(checkpoint.write("model"), policy_of(NumberFormat::fp16), test::cpu_of_this_machine());
  ASSERT_TRUE(server.executor);
  auto session = Session::create(server.loaded->model, *server.loaded->threads).value();
  const auto score = session.score(std::vector<int32_t>{1, 2, 3}, 0);
  ASSERT_FALSE(score.ok());
  EXPECT_EQ(score.error().message.find("65504"), std::string::npos) << score.error().message;
}

}  // namespace
}  // namespace mxpath
