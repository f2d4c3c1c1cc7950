#include "kernels/sample/cut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace mxpath {
namespace {

constexpr float nothing = -std::numeric_limits<float>::infinity();

std::vector<float> logits_of(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> logits(count);
  for (float& x : logits) x = static_cast<float>(random.integer(-400, 400)) / 16;
  return logits;
}

/// All that is above minus infinity, in the order of likelihood.
std::vector<TokenLogit> sorted(const std::vector<float>& logits) {
  std::vector<TokenLogit> all;
  for (size_t id = 0; id < logits.size(); ++id)
    if (logits[id] > nothing) all.push_back({logits[id], static_cast<int32_t>(id)});
  std::ranges::sort(all, before);
  return all;
}

TEST(Cut, OrdersByLikelihoodThenId) {
  EXPECT_TRUE(before({2, 9}, {1, 0}));
  EXPECT_TRUE(before({1, 0}, {1, 1}));
  EXPECT_FALSE(before({1, 1}, {1, 1}));
  EXPECT_FALSE(before({0.0f, 1}, {-0.0f, 0}));
}

TEST(Cut, FindsAllThatCanBeAmongTheTop) {
  for (size_t vocab : {1u, 5u, 64u, 65u, 5000u})
    for (size_t count : {1u, 2u, 20u, 700u, 6000u}) {
      auto logits = logits_of(vocab, vocab + count);
      for (size_t id = 0; id < vocab; id += 3) logits[id] = nothing;
      if (vocab == 1) logits[0] = 1;
      std::vector<TokenLogit> room(vocab);
      const auto found = candidates_for_top(logits, count, room);
      EXPECT_TRUE(std::ranges::is_sorted(found, {}, &TokenLogit::id));
      const auto all = sorted(logits);
      for (size_t i = 0; i < std::min(count, all.size()); ++i)
        EXPECT_EQ(std::ranges::count(found, all[i].id, &TokenLogit::id), 1) << vocab << " " << count << " " << i;
    }
}

TEST(Cut, CutsByCountAndByMass) {
  const auto logits = logits_of(3000, 5);
  const auto all = sorted(logits);
  const Softmax softmax = softmax_of(all.front().logit, 2);
  std::vector<TokenLogit> room(logits.size());
  for (int k : {1, 7, 2999}) {
    const Cut cut = cut_of(logits, softmax, {.top_k = k}, room);
    EXPECT_EQ(cut.last.id, all[static_cast<size_t>(k - 1)].id) << k;
  }
  EXPECT_EQ(cut_of(logits, softmax, {.top_k = 3000}, room).last.logit, nothing);
  for (float top_p : {0.001f, 0.5f, 0.99f, 0.999999f}) {
    uint64_t total = 0, sum = 0;
    for (const TokenLogit& one : all) total += mass_of(exp_of_exponent(exponent_of(one.logit, softmax)));
    size_t i = 0;
    while ((sum += mass_of(exp_of_exponent(exponent_of(all[i].logit, softmax)))) < needed_mass(top_p, total)) ++i;
    EXPECT_EQ(cut_of(logits, softmax, {.top_p = top_p}, room).last.id, all[i].id) << top_p;
  }
}

TEST(Cut, LeavesWhatIsLikelyEnoughAndChoosesInTheOrderOfIds) {
  const std::vector<float> logits = {1, nothing, 2, 2, 1, nothing, 0, 2, 1};
  const Softmax softmax = softmax_of(2, 1);
  const Cut cut{.last = {1, 4}, .least = 0.3f};
  EXPECT_TRUE(cut.keeps({1, 0}, 0.4f) && cut.keeps({1, 4}, 0.4f) && cut.keeps({2, 7}, 1));
  EXPECT_FALSE(cut.keeps({1, 8}, 0.4f) || cut.keeps({1, 0}, 0.2f) || cut.keeps({nothing, 1}, 0));
  std::vector<int32_t> chosen;
  for (int i = 0; i < 400; ++i) {
    const int32_t id = choose(logits, softmax, cut, (i + 0.5) / 400);
    if (chosen.empty() || chosen.back() != id) chosen.push_back(id);
  }
  EXPECT_EQ(chosen, (std::vector<int32_t>{0, 2, 3, 4, 7}));
}

}  // namespace
}  // namespace mxpath
