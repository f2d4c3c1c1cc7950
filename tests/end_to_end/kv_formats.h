// Keys and values in every format, on any device: how far answers are from those of FP32, what nobody wrote, and what
// does not fit.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hint.h"
#include "device/device.h"
#include "engine/session.h"
#include "loose_checkpoint.h"
#include "sequences.h"

namespace mxpath::test {

inline std::vector<double> logprobs_of_row(std::span<const float> logits) {
  double sum = 0;
  for (const float x : logits) sum += std::exp(double{x});
  std::vector<double> row(logits.begin(), logits.end());
  for (double& x : row) x -= std::log(sum);
  return row;
}

/// The log-probabilities after each token of a text.
inline std::vector<std::vector<double>> logprobs_of(const Server& server, const std::vector<int32_t>& text) {
  auto session = Session::create(server.loaded->model, *server.loaded->threads).value();
  std::vector<std::vector<double>> all;
  const auto status = session.visit_logits(
      text, [&](size_t, std::span<const float> logits) { all.push_back(logprobs_of_row(logits)); });
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  return all;
}

/// Mean |Δ log-prob| over the vocabulary: of all positions, and of the one in the middle. The mean has those too where
/// the router was undecided and another expert came in, which is no matter of degree.
struct Off {
  double mean = 0, middle = 0;
};

inline Off differences(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
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
inline double times_bf16(NumberFormat kv, int head_dim) {
  switch (kv) {
    case NumberFormat::fp16: return 1.0 / 8;
    case NumberFormat::fp8_e4m3: return 16;
    case NumberFormat::int8: return 256.0 / 254 * std::sqrt(head_dim);
    default: return 1;
  }
}

/// Loads the checkpoint with keys and values in each format, and compares each with FP32.
inline void expect_kv_formats_are_close(const Golden& golden, Policy policy, const Machine& machine) {
  policy.kv = NumberFormat::fp32;
  const Server exact(golden.folder, policy, machine);
  ASSERT_TRUE(exact.executor);
  std::map<NumberFormat, std::unique_ptr<Server>> servers;
  for (const NumberFormat kv : kv_formats()) {
    policy.kv = kv;
    servers[kv] = std::make_unique<Server>(golden.folder, policy, machine);
    ASSERT_TRUE(servers[kv]->executor);
  }
  for (const GoldenPrompt& prompt : golden.prompts) {
    if (prompt.tokens.size() < 4) continue;  // a first token sees itself alone
    const auto expected = logprobs_of(exact, prompt.tokens);
    std::map<NumberFormat, Off> off;
    for (const auto& [kv, server] : servers) {
      off[kv] = differences(expected, logprobs_of(*server, prompt.tokens));
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

/// Every byte 0xff is NaN in FP32, BF16, FP16 and FP8, and in the scales of INT8.
inline void poison_free_pages(ModelExecutor& executor) {
  std::map<DeviceId, Stream> streams;
  KvCache::Streams to;
  for (const KvGroup& group : executor.model().plan.kv.groups) {
    if (to.contains(group.device)) continue;
    streams[group.device] = Stream::create(group.device).value();
    to[group.device] = &streams[group.device];
  }
  ASSERT_TRUE(executor.wait().ok());
  KvCache& cache = executor.cache();
  for (int pool = 0; pool < cache.pool_count(); ++pool) {
    const std::vector<uint8_t> poison(cache.page_bytes(pool), 0xff);
    for (PageId page = 0; page < cache.pool(pool).size(); ++page)
      if (cache.pool(pool).holders(page) == 0) {
        ASSERT_TRUE(cache.write(pool, page, poison, to).ok());
      }
  }
  for (auto& [device, stream] : streams) ASSERT_TRUE(stream.wait().ok());
}

/// Serves the same from pages that hold what they may and from pages that were poisoned: at first nothing was written;
/// then some pages were, and others are held by the prefix cache.
inline void expect_poison_is_never_read(const Golden& golden, const Policy& policy, const Machine& machine) {
  const Server clean(golden.folder, policy, machine), poisoned(golden.folder, policy, machine);
  ASSERT_TRUE(clean.executor && poisoned.executor);
  const auto requests = mixed_requests(19, clean.vocab(), 16, 200, 12);
  const Served expected = serve(*clean.executor, requests);
  Comparison comparison(noise_of(golden, clean.plan()));
  for (int round = 0; round < 2; ++round) {
    poison_free_pages(*poisoned.executor);
    comparison.add(requests, serve(*poisoned.executor, requests), expected,
                   fmt::format("{}, round {}", name_of(policy.kv), round));
  }
}

/// Keys of layer 1 that FP32, BF16 and INT8 hold, which has a scale, but neither FP16 nor FP8.
inline void expect_overflow_is_told(const Policy& base, const Machine& machine) {
  LooseCheckpoint checkpoint;
  checkpoint.change("model.layers.1.self_attn.k_proj.weight", [](float x, size_t) { return 1e6f * x; });
  const std::string folder = checkpoint.write("model");
  const std::vector<int32_t> text = {5, 17, 300, 2, 99, 411, 8, 8, 1, 63, 250, 7};
  const auto error_with = [&](NumberFormat kv) -> std::string {
    Policy policy = base;
    policy.kv = kv;
    const Server server(folder, policy, machine);
    if (!server.executor) return "not loaded";
    auto session = Session::create(server.loaded->model, *server.loaded->threads).value();
    GenerateOptions options;
    options.max_new_tokens = 4, options.sampling.temperature = 0;
    const auto generation = session.generate(text, options);
    return generation.ok() ? "" : in_words(generation.error().message);
  };
  for (const NumberFormat kv : {NumberFormat::fp32, NumberFormat::bf16, NumberFormat::int8})
    EXPECT_EQ(error_with(kv), "") << name_of(kv);
  for (const auto& [kv, says] : {std::pair{NumberFormat::fp16, "keys and values in FP16 hold up to 65504"},
                                 {NumberFormat::fp8_e4m3, "keys and values in FP8 hold up to 448"}}) {
    const std::string error = error_with(kv);
    for (const std::string part :
         {"the attention of layer 1 is the first to hold a NaN or an infinity, at position 0", says, "choose kv=bf16"})
      EXPECT_NE(error.find(part), std::string::npos) << part << "\nis not in: " << error;
  }
}

}  // namespace mxpath::test
