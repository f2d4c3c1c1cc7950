// Pages of keys and values: which layers share them, and how many a sequence holds.
#include "plan/kv_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/hint.h"
#include "plan/plan.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

/// `full` of every `period` layers see everything.
ModelConfig config_of(int layers, int period = 2, int full = 1) {
  ModelConfig c = test::small_config();
  c.layers = layers, c.sliding.clear();
  for (int i = 0; i < layers; ++i) c.sliding.push_back(i % period >= full);
  c.kv_heads = 8, c.head_dim = 64, c.sliding_window = 128;
  return c;
}
KvLayout on_cpu(const ModelConfig& c, NumberFormat format = NumberFormat::bf16) {
  return kv_layout(c, {.layers = c.layers}, format);
}

TEST(KvLayout, BytesOfAPageFollowTheFormat) {
  // [8 heads][64 positions][64 dimensions], and for INT8 a scale for each row.
  EXPECT_EQ(kv_half_bytes(NumberFormat::bf16, 8, 64), 65536u);
  EXPECT_EQ(kv_half_bytes(NumberFormat::fp16, 8, 64), 65536u);
  EXPECT_EQ(kv_half_bytes(NumberFormat::fp32, 8, 64), 131072u);
  EXPECT_EQ(kv_half_bytes(NumberFormat::fp8_e4m3, 8, 64), 32768u);
  EXPECT_EQ(kv_half_bytes(NumberFormat::int8, 8, 64), 32768u + 2048u);
  // 12 layers of a kind: 1.5 MiB for the 20b, 18: 2.25 MiB for the 120b.
  EXPECT_EQ(on_cpu(config_of(24)).page_bytes(cpu_device), 1536u << 10);
  EXPECT_EQ(on_cpu(config_of(36)).page_bytes(cpu_device), 2304u << 10);
}

TEST(KvLayout, ASequenceHoldsItsPagesAndThoseOfTheWindow) {
  const KvLayout kv = on_cpu(config_of(24));
  ASSERT_EQ(kv.groups.size(), 2u);
  // 8,192 tokens: 128 pages, and those of 127 positions with one token, wherever it begins.
  EXPECT_EQ(kv.pages_for(cpu_device, 8192, 1), 128 + 3);
  EXPECT_EQ(kv.pages_for(cpu_device, 8192, 512), 128 + 11);
  EXPECT_EQ(kv.pages_for(cpu_device, 131072, 512), 2048 + 11);
  EXPECT_EQ(kv.pages_for(cpu_device, 64, 512), 2);
  EXPECT_EQ(kv.pages_for(cpu_device, 65, 512), 4);
  EXPECT_EQ(kv.pages_for(cuda_device(0), 8192, 512), 0);
}

TEST(KvLayout, EveryLayerHasAPlaceOfItsOwn) {
  for (const auto& c : {config_of(24), config_of(7), config_of(30, 6), config_of(13, 13, 13), config_of(9, 9, 0)})
    for (const int on_gpu : {0, 3, c.layers}) {
      Placement placement{.layers = c.layers};
      if (on_gpu > 0) placement.gpus = {{cuda_device(0), on_gpu}};
      const KvLayout kv = kv_layout(c, placement, NumberFormat::bf16);
      std::set<std::pair<size_t, uint64_t>> places;
      for (int layer = 0; layer < c.layers; ++layer) {
        const KvLayout::Place place = kv.places[static_cast<size_t>(layer)];
        const KvGroup& group = kv.groups[place.group];
        EXPECT_TRUE(places.insert({place.group, place.at}).second) << layer;
        EXPECT_EQ(group.device, placement.attention(layer));
        EXPECT_EQ(group.window, c.sliding[static_cast<size_t>(layer)] ? 128 : 0);
        EXPECT_LE(place.at + 2 * kv.half, kv.page_bytes(group.device));
      }
      // At most a third of the room in pages is nobody's.
      uint64_t room = 0;
      for (const KvGroup& group : kv.groups) room += kv.page_bytes(group.device);
      EXPECT_LE(room * 2, 3 * 2 * kv.half * static_cast<uint64_t>(c.layers)) << c.layers << ", " << on_gpu;
    }
}

TEST(KvLayout, ThePlanHasPagesForAWholeContextOfEachSequenceAsFarAsTheyFit) {
  const Manifest manifest = manifest_from_config(test::small_config(), "test");
  Policy policy;
  const Machine machine = test::cpu_machine({CpuFeature::avx2});
  const auto pages = [&](int sequences, uint64_t kv_memory = 0) {
    policy.sequences = sequences, policy.kv_memory = kv_memory;
    return make_plan(manifest, test::catalogue(), machine, policy).value();
  };
  const Plan one = pages(1);
  const int64_t context = one.kv.pages_for(cpu_device, one.context, one.chunk);
  EXPECT_EQ(one.kv_pages(cpu_device), context);
  EXPECT_EQ(pages(3).kv_pages(cpu_device), 3 * context);
  const uint64_t page = one.kv.page_bytes(cpu_device);
  EXPECT_EQ(pages(3, page * static_cast<uint64_t>(context + 1)).kv_pages(cpu_device), context + 1);
  const Plan many = pages(1000);
  EXPECT_TRUE(many.fits());
  EXPECT_LE(many.memory().kv_cache, many.memory().available);
  // What fits is what the pool holds, where its size was asked for, and not what the memory could hold.
  EXPECT_EQ(pages(3, page * static_cast<uint64_t>(context + 1)).sequences_that_fit(one.context), 1);
  // More sequences than a chunk usually has tokens are not cut: the chunk grows.
  EXPECT_EQ(pages(1000).sequences, 1000);
  EXPECT_GE(pages(1000).chunk, 1000);
  // A pool that is too large is what stands in the way.
  policy.kv_memory = uint64_t{1} << 50;
  EXPECT_NE(in_words(check_memory(make_plan(manifest, test::catalogue(), machine, policy).value()).error().message)
                .find("without kv_memory"),
            std::string::npos);
  policy.kv_memory = page * static_cast<uint64_t>(context) - 1;
  const auto refused = make_plan(manifest, test::catalogue(), machine, policy);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::wrong_use);
}

/// Precision never changes without a word: keys and values in fewer bits are a concession, which `strict` refuses.
TEST(KvLayout, FewerBitsAreToldAndStrictRefusesThem) {
  for (const NumberFormat format : kv_formats()) {
    Policy policy;
    policy.kv = format, policy.strict = true;
    const Plan plan = make_plan(manifest_from_config(test::small_config(), "test"), test::catalogue(),
                                test::cpu_machine({CpuFeature::avx2}), policy)
                          .value();
    const bool told = std::ranges::any_of(plan.concessions, [](const Concession& concession) {
      return in_words(concession.text).find("asked for by kv=") != std::string::npos;
    });
    EXPECT_EQ(told, format == NumberFormat::int8 || format == NumberFormat::fp8_e4m3) << name_of(format);
    EXPECT_EQ(check_strict(plan, policy).ok(), plan.concessions.empty());
  }
}

}  // namespace
}  // namespace mxpath
