#include "app/reports/machine_table.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "app/planner.h"
#include "base/hint.h"
#include "base/json.h"
#include "machine/known_machines.h"

namespace mxpath {
namespace {

const std::string model_20b = MXPATH_SOURCE_DIR "/tests/data/checkpoint/gpt-oss-20b/config.json";

const MachineRow& row_of(const MachineTable& table, std::string_view machine) {
  return *std::ranges::find(table.rows, machine, &MachineRow::name);
}

TEST(MachineTable, HasARowForEveryMachineThatSaysWhatItsOwnPlanSays) {
  const MachineTable table = plan_everywhere(model_20b, {}, {}).value();
  EXPECT_EQ(table.rows.size(), known_machines().size());
  EXPECT_EQ(table.context, 8192);
  for (const char* name : {"h100", "haswell", "rtx_4090", "zen5"}) {
    const Plan plan = plan_for(model_20b, {}, name, {}).value();
    const MachineRow& row = row_of(table, name);
    EXPECT_EQ(row.error, "");
    EXPECT_EQ(row.fits, plan.fits());
    EXPECT_EQ(row.decode_tokens_per_second, 1 / plan.decode_seconds);
    EXPECT_EQ("moe_gate_up." + row.decode, plan.site(SiteId::gate_up).path_for({1}).name);
    EXPECT_EQ("moe_gate_up." + row.prefill, plan.site(SiteId::gate_up).path_for({512}).name);
  }
}

TEST(MachineTable, WhatFitsStandsFirstTheFastestOnTop) {
  const MachineTable table = plan_everywhere(model_20b, {}, {}).value();
  EXPECT_TRUE(table.rows.front().fits);
  EXPECT_FALSE(table.rows.back().fits);  // the laptop with 8 GB
  EXPECT_EQ(row_of(table, "laptop_8gb").context, 0);
  for (size_t i = 1; i < table.rows.size(); ++i) {
    if (table.rows[i].fits) {
      EXPECT_GE(table.rows[i - 1].decode_tokens_per_second, table.rows[i].decode_tokens_per_second);
    }
  }
}

TEST(MachineTable, AMachineOfAnotherProcessorDoesNotCountAsFitting) {
  const MachineTable table = plan_everywhere(model_20b, {}, {}).value();
  for (const char* arm : {"gb10", "thor"}) {
    EXPECT_TRUE(row_of(table, arm).not_built) << arm;
    EXPECT_FALSE(row_of(table, arm).fits) << arm;
  }
  EXPECT_NE(to_text(table).find("no: mxpath is built for x86-64 only"), std::string::npos);
  EXPECT_FALSE(row_of(table, "h100").not_built);
}

TEST(MachineTable, NamesTheContextThatWouldFit) {
  Policy policy;
  policy.context = 131072, policy.device = DeviceChoice::cpu;
  const MachineRow row = row_of(plan_everywhere(model_20b, {}, policy).value(), "sandy_bridge");  // 16 GB
  ASSERT_TRUE(row.fits);
  policy.weights = NumberFormat::bf16;
  const MachineTable bf16 = plan_everywhere(model_20b, {}, policy).value();
  const MachineRow& small = row_of(bf16, "zen3");  // 32 GB: 38 GB of weights
  EXPECT_FALSE(small.fits);
  EXPECT_EQ(small.context, 0);
  ASSERT_FALSE(small.suggestions.empty());
  EXPECT_EQ(small.suggestions.front(), mention(Knob::weights, "as-stored"));
  EXPECT_NE(to_text(bf16).find("no; weights=as-stored"), std::string::npos);
  policy.weights.reset(), policy.memory_budget = uint64_t{13} << 30;
  const MachineRow tight = row_of(plan_everywhere(model_20b, {}, policy).value(), "zen3");
  EXPECT_FALSE(tight.fits);
  ASSERT_FALSE(tight.suggestions.empty());
  EXPECT_EQ(tight.suggestions.front(), mention(Knob::context, tight.context));
  policy.context = tight.context;
  EXPECT_TRUE(row_of(plan_everywhere(model_20b, {}, policy).value(), "zen3").fits);
}

TEST(MachineTable, JsonHasWhatTheTableHas) {
  const MachineTable table = plan_everywhere(model_20b, {}, {}).value();
  const Json json = to_json(table);
  ASSERT_EQ(json["machines"].size(), table.rows.size());
  for (const Json& row : json["machines"])
    EXPECT_TRUE(row.contains("decode_path") && row.contains("context_that_fits")) << row.dump();
  EXPECT_EQ(json["context"], 8192);
}

TEST(MachineTable, APolicyThatNoMachineCanMeetIsAnError) {
  Policy policy;
  policy.only = {"linear.cpu.avx1024.*"};
  const auto table = plan_everywhere(model_20b, {}, policy);
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().kind, ErrorKind::wrong_use);
  policy.only = {"moe_gate_up.cpu.avx512.*"};  // some can, and the others say why not
  const MachineTable forced = plan_everywhere(model_20b, {}, policy).value();
  EXPECT_EQ(row_of(forced, "skylake_x").error, "");
  EXPECT_NE(row_of(forced, "haswell").error.find("avx512"), std::string::npos);
  EXPECT_NE(to_text(forced).find("no plan"), std::string::npos);
}

}  // namespace
}  // namespace mxpath
