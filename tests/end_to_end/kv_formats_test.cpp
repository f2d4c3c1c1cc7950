// Keys and values in every format: how far answers are from those of FP32, what nobody wrote, and what does not fit.
#include <gtest/gtest.h>

#include <cmath>

#include "base/hint.h"
#include "engine/session.h"
#include "loose_checkpoint.h"
#include "sequences.h"

namespace mxpath {
namespace {

using test::Golden, test::GoldenPrompt, test::Server, test::Served, test::serve;

const Machine& here() {
  static const Machine machine = test::cpu_of_this_machine();
  return machine;
}

Policy policy_of(NumberFormat kv) {
  Policy policy;
  policy.kv = kv, policy.context = 512, policy.sequences = 16;
  return policy;
}

/// The logits of each position of a text.
std::vector<std::vector<double>> logprobs_of(const Server& server, const std::vector<int32_t>& text) {
  auto session = Session::create(server.loaded->model, *server.loaded->threads).value();
  std::vector<std::vector<double>> all;
  const auto status = session.visit_logits(text, [&](size_t, std::span<const float> logits) {
    double sum = 0;
    for (const float x : logits) sum += std::exp(double{x});
    auto& row = all.emplace_back(logits.begin(), logits.end());
    for (double& x : row) x -= std::log(sum);
  });
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  return all;
}

/// Mean |Δ log-prob| over the vocabulary: of all positions, and of the one in the middle. The mean has those too where
/// the router was undecided and another expert came in, which is no matter of degree.
struct Off {
  double mean = 0, middle = 0;
};

Off differences(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
  Off off;
  std::vector<double> each;
  for (size_t i = 0; i < a.size(); ++i) {
    double sum = 0;
    for (size_t j = 0; j < a[i].size(); ++j) sum += std::abs(a[i][j] - b[i][j]);
    each.push_back(sum / static_cast<double>(a[i].size()));
    off.mean += each.back() / static_cast<double>(a.size());
  }
  std::ranges::sort(each);
  off.middle = each[each.size() / 2];
  return off;
}

/// The bound follows from the BF16 forward that a checkpoint comes with: it rounds keys and values as a cache in BF16
/// does, and everything else too, so a cache alone is off by less. To first order a difference is in proportion to the
/// rounding error, half a unit in the last place: 2^-8 in BF16, 2^-11 in FP16, 2^-4 in FP8. INT8 rounds by up to
/// largest / 254 whatever the value, and the largest of d values is at most √d times their root mean square.
double times_bf16(NumberFormat kv, int head_dim) {
  switch (kv) {
    case NumberFormat::fp16: return 1.0 / 8;
    case NumberFormat::fp8_e4m3: return 16;
    case NumberFormat::int8: return 256.0 / 254 * std::sqrt(head_dim);
    default: return 1;
  }
}

class KvFormats : public testing::TestWithParam<std::string> {};

TEST_P(KvFormats, AreAsCloseToFp32AsTheirRounding) {
  const Golden golden = test::read_golden(GetParam());
  const auto policy_with = [](NumberFormat kv) {
    Policy policy;
    // Rows that round what they read to BF16 would drown the rounding of the cache.
    policy.kv = kv, policy.only = {"*.cpu.portable.*"};
    return policy;
  };
  const Server exact(golden.folder, policy_with(NumberFormat::fp32), here());
  ASSERT_TRUE(exact.executor);
  for (const GoldenPrompt& prompt : golden.prompts) {
    if (prompt.tokens.size() < 4) continue;  // a first token sees itself alone
    const auto expected = logprobs_of(exact, prompt.tokens);
    std::map<NumberFormat, Off> off;
    for (const NumberFormat kv : kv_formats()) {
      const Server server(golden.folder, policy_with(kv), here());
      ASSERT_TRUE(server.executor);
      off[kv] = differences(expected, logprobs_of(server, prompt.tokens));
      const double bound = times_bf16(kv, exact.loaded->model.config.head_dim) * prompt.bf16_mean_abs_delta;
      EXPECT_LE(off[kv].middle, bound) << name_of(kv);
      EXPECT_LE(off[kv].mean, 2 * bound) << name_of(kv);
    }
    EXPECT_EQ(off[NumberFormat::fp32].mean, 0);
    EXPECT_GT(off[NumberFormat::fp16].middle, 0);
    EXPECT_LT(off[NumberFormat::fp16].mean, off[NumberFormat::bf16].mean);
    EXPECT_LT(off[NumberFormat::fp16].middle, off[NumberFormat::bf16].middle / 4) << "an eighth, to first order";
    EXPECT_LT(off[NumberFormat::bf16].middle, off[NumberFormat::fp8_e4m3].middle / 4);
    EXPECT_LT(off[NumberFormat::int8].middle, off[NumberFormat::fp8_e4m3].middle);
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, KvFormats, testing::ValuesIn(test::golden_names()),
                         [](const auto& param) { return param.param; });

/// Every byte 0xff is NaN in FP32, BF16, FP16 and FP8, and in the scales of INT8.
void poison_free_pages(ModelExecutor& executor) {
  KvCache& cache = executor.cache();
  for (int pool = 0; pool < cache.pool_count(); ++pool) {
    const std::vector<uint8_t> poison(cache.page_bytes(pool), 0xff);
    Stream stream = Stream::create(cpu_device).value();
    for (PageId page = 0; page < cache.pool(pool).size(); ++page)
      if (cache.pool(pool).holders(page) == 0) {
        ASSERT_TRUE(cache.write(pool, page, poison, {{cpu_device, &stream}}).ok());
      }
  }
}

TEST(KvPoison, OfPagesThatNobodyWroteNeverReachesALogit) {
  const Golden golden = test::read_golden("window_three");
  for (const NumberFormat kv : kv_formats())
    for (const char* family : {"*", "*.cpu.portable.*", "*.cpu.avx2.*"}) {
      Policy policy = policy_of(kv);
      policy.only = {family};
      if (!make_plan(open_manifest(golden.folder).value(), catalogue(), here(), policy).ok()) continue;
      const Server clean(golden.folder, policy, here()), poisoned(golden.folder, policy, here());
      ASSERT_TRUE(clean.executor && poisoned.executor);
      const double noise = test::same_bits_in_any_batch(clean.plan()) ? 0 : test::noise_of(golden);
      const auto requests = test::mixed_requests(19, clean.vocab(), 16, 200, 12);
      const Served expected = serve(*clean.executor, requests);
      // At first nothing was written; then some pages were, and others are held by the cache.
      for (int round = 0; round < 2; ++round) {
        poison_free_pages(*poisoned.executor);
        test::expect_same(requests, serve(*poisoned.executor, requests), expected, noise,
                          fmt::format("{}, {}, round {}", name_of(kv), family, round));
      }
    }
}

/// A checkpoint whose keys no format of 16 bits but BF16 holds.
std::string folder_with_huge_keys(test::LooseCheckpoint& checkpoint) {
  checkpoint.change("model.layers.1.self_attn.k_proj.weight", [](float x, size_t) { return 1e6f * x; });
  return checkpoint.write("model");
}

TEST(KvOverflow, IsASentenceThatNamesTheLayerAndTheFormat) {
  test::LooseCheckpoint checkpoint;
  const std::string folder = folder_with_huge_keys(checkpoint);
  const std::vector<int32_t> text = {5, 17, 300, 2, 99, 411, 8, 8, 1, 63, 250, 7};
  const auto answer = [&](NumberFormat kv) {
    const Server server(folder, policy_of(kv), here());
    auto session = Session::create(server.loaded->model, *server.loaded->threads).value();
    GenerateOptions options;
    options.max_new_tokens = 4, options.sampling.temperature = 0;
    const auto generation = session.generate(text, options);
    return generation.ok() ? "" : in_words(generation.error().message);
  };
  for (const NumberFormat kv : {NumberFormat::fp32, NumberFormat::bf16, NumberFormat::int8})
    EXPECT_EQ(answer(kv), "") << name_of(kv);
  for (const auto& [kv, says] : {std::pair{NumberFormat::fp16, "keys and values in FP16 hold up to 65504"},
                                 {NumberFormat::fp8_e4m3, "keys and values in FP8 hold up to 448"}}) {
    const std::string error = answer(kv);
    for (const std::string part :
         {"the attention of layer 1 is the first to hold a NaN or an infinity, at position 0", says, "choose kv=bf16"})
      EXPECT_NE(error.find(part), std::string::npos) << part << "\nis not in: " << error;
  }
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
  const Server server(checkpoint.write("model"), policy_of(NumberFormat::fp16), here());
  ASSERT_TRUE(server.executor);
  auto requests = test::mixed_requests(23, bad, 12, 100, 12);
  for (Request& request : requests) request.largest_token = bad - 1;
  const Served alone = test::serve_each_alone(*server.executor, requests);
  const double noise = test::same_bits_in_any_batch(server.plan()) ? 0 : 0.05;
  test::expect_same(requests, serve(*server.executor, requests), alone, noise, "without it");
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
    test::expect_same(requests, served, alone, noise, "beside it");
  }
}

TEST(KvOverflow, IsNotBlamedForWhatTheWeightsDo) {
  test::LooseCheckpoint checkpoint;
  checkpoint.change("lm_head.weight", [](float, size_t i) { return i % 2 ? 3e38f : -3e38f; });
  const Server server(checkpoint.write("model"), policy_of(NumberFormat::fp16), here());
  ASSERT_TRUE(server.executor);
  auto session = Session::create(server.loaded->model, *server.loaded->threads).value();
  const auto score = session.score(std::vector<int32_t>{1, 2, 3}, 0);
  ASSERT_FALSE(score.ok());
  EXPECT_EQ(score.error().message.find("65504"), std::string::npos) << score.error().message;
}

}  // namespace
}  // namespace mxpath
