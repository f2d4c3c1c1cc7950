// The table of sites against the table of tensors, and what a site says of itself.
#include "plan/site_table.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/json.h"
#include "plan/explain.h"
#include "plan/test_catalogue.h"

namespace mxpath {
namespace {

TEST(SiteTable, EveryMatrixOfTheModelBelongsToOneSite) {
  std::map<Role, int> sites;
  for (const SiteRow& row : site_rows())
    for (const Role role : row.weights) ++sites[role];
  for (const RoleRow& role : role_rows()) EXPECT_EQ(sites[role.role], role.columns != Extent::one) << role.name;
}

TEST(SiteTable, ShapesAreThoseOfTheTensors) {
  const ModelConfig config = test::small_config();
  for (const Site& site : sites_of(manifest_from_config(config, "test"), {}, cpu_device)) {
    if (!site.has_weights()) continue;
    int64_t rows = 0;
    for (const Role role : site.row().weights) {
      rows += size_of(row_of(role).rows, config);
      EXPECT_EQ(size_of(row_of(role).columns, config), site.k) << site.name();
      EXPECT_EQ(row_of(role).per_expert, site.experts > 1) << site.name();
    }
    EXPECT_EQ(rows, site.n) << site.name();
  }
}

TEST(SiteTable, NamesAndIdsAreUnique) {
  std::set<std::string_view> names;
  for (const SiteRow& row : site_rows()) EXPECT_TRUE(names.insert(row.name).second) << row.name;
  EXPECT_EQ(names.size(), static_cast<size_t>(site_count));
}

TEST(SiteTable, ATiedHeadReadsTheEmbedding) {
  ModelConfig config = test::small_config();
  config.tied_embeddings = false;
  EXPECT_EQ(tensors_of(row_of(SiteId::head), config), std::vector<Role>{Role::head});
  config.tied_embeddings = true;
  EXPECT_EQ(tensors_of(row_of(SiteId::head), config), std::vector<Role>{Role::embedding});
  EXPECT_EQ(tensors_of(row_of(SiteId::qkv), config),
            (std::vector<Role>{Role::q_weight, Role::k_weight, Role::v_weight}));
}

// q as BF16, k as FP16 and v as FP32 are held as FP32, and the plan said that they were stored so.
TEST(Sites, SayEveryFormatThatTheirTensorsAreStoredIn) {
  Manifest mixed = manifest_from_config(test::small_config(), "mixed");
  for (TensorRecord& tensor : mixed.tensors)
    if (tensor.role == Role::k_weight) tensor.encoding = Encoding::f16;
    else if (tensor.role == Role::v_weight) tensor.encoding = Encoding::f32;
  const Plan plan = make_plan(mixed, test::catalogue(), test::cpu_machine({}), {}).value();
  EXPECT_EQ(plan.site(SiteId::qkv).site.stored, NumberFormat::fp32);
  int seen = 0;
  const Json json = plan_to_json(plan);
  for (const Json& site : json["sites"]) {
    const bool mixture = site["site"] == "attention.qkv";
    if (!mixture && site["site"] != "attention.output") continue;
    EXPECT_EQ(site["weights"]["stored"], mixture ? "bf16, fp16, fp32" : "bf16");
    ++seen;
  }
  EXPECT_EQ(seen, 2);
}

TEST(Sites, TitlesSayWhatSetsThemApart) {
  Site site{.id = SiteId::gate_up, .layers = LayerSet::range(1, 3)};
  EXPECT_EQ(title_of(site), "moe.gate_up");
  site.stored_alike = false;
  EXPECT_EQ(title_of(site), "moe.gate_up (layers 1-3)");
  site.shard = {Shard::Axis::experts, 1, 4};
  site.adapters = 3;
  EXPECT_EQ(title_of(site), "moe.gate_up (layers 1-3, shard 2 of 4, 3 adapters)");
}

TEST(Sites, ASmallerCacheIsReadFaster) {
  Site site{.id = SiteId::attention_full, .keys = 4096, .heads = 64, .kv_heads = 8, .head_dim = 64};
  const Work bf16 = work_of(site, Layout::none, {});
  site.kv = NumberFormat::fp8_e4m3;
  const Work fp8 = work_of(site, Layout::none, {});
  EXPECT_EQ(bf16.flops, fp8.flops);
  EXPECT_EQ(bf16.bytes - fp8.bytes, 2.0 * 8 * 64 * 4097) << "a byte of each number of k and v";
}

}  // namespace
}  // namespace mxpath
