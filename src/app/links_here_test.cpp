// When links are measured, what is kept of it, and what a plan makes of it; the copies are made up.
#include "app/links_here.h"

#include <gtest/gtest.h>

#include "app/fact_cache.h"
#include "checkpoint/random_checkpoint.h"
#include "checkpoint/test_folder.h"
#include "kernels/catalogue.h"
#include "machine/known_machines.h"
#include "plan/explain.h"

namespace mxpath {
namespace {

class CrossedLinks : public testing::Test {
 protected:
  /// Copies of 2 µs and 370 GB/s between GPUs, 3 µs and 55 GB/s otherwise, counted.
  LinkSource source() {
    return {file, [this](DeviceId from, DeviceId to, size_t bytes) {
              ++copies;
              const bool gpus = from.is_gpu() && to.is_gpu();
              return works ? (gpus ? 2e-6 + double(bytes) / 370e9 : 3e-6 + double(bytes) / 55e9) : 0;
            }};
  }
  std::function<Result<Plan>(const Machine&)> plan_of(const ModelConfig& config) {
    return [this, config](const Machine& machine) {
      ++plans;
      return make_plan(manifest_from_config(config, "test"), catalogue_of_full_build(), machine, policy);
    };
  }
  Machine measured(const Machine& machine, const ModelConfig& config, Measure measure = Measure::if_unknown) {
    return with_crossed_links(machine, plan_of(config), measure, source());
  }

  const TestFolder folder;
  const std::string file = folder / "bandwidth.json";
  Policy policy;
  int copies = 0, plans = 0;
  bool works = true;
};

TEST_F(CrossedLinks, AreMeasuredOnceAndKept) {
  const Machine before = known_machine("4x rtx_3090").value();
  const ModelConfig config = gpt_oss_120b_config();
  const Machine first = measured(before, config);
  EXPECT_GT(copies, 0);
  const Plan plan = plan_of(config)(first).value();
  ASSERT_GT(plan.placement.gpus.size(), 1u);
  for (const auto& [from, to] : plan.placement.crossings()) EXPECT_TRUE(link_between(first, from, to).measured);
  EXPECT_NE(plan.crossing_note.find("370 GB/s measured"), std::string::npos) << plan.crossing_note;
  EXPECT_LT(plan.crossing_seconds[0], plan_of(config)(before).value().crossing_seconds[0]) << "the price follows";
  copies = 0;
  EXPECT_EQ(measured(before, config), first);
  EXPECT_EQ(measured(before, config, Measure::never), first);
  EXPECT_EQ(copies, 0) << "the file has them";
  EXPECT_EQ(measured(before, config, Measure::again), first);
  EXPECT_GT(copies, 0);
}

TEST_F(CrossedLinks, AreNotMeasuredWhereNothingIsCrossed) {
  EXPECT_EQ(measured(known_machine("zen5").value(), gpt_oss_20b_config()), known_machine("zen5").value());
  EXPECT_EQ(plans, 0) << "no GPU, no question";
  EXPECT_EQ(measured(known_machine("h200").value(), gpt_oss_20b_config()), known_machine("h200").value());
  EXPECT_EQ(copies, 0) << "all of it lies on one GPU";
  EXPECT_EQ(measured(known_machine("4x rtx_3090").value(), gpt_oss_120b_config(), Measure::never),
            known_machine("4x rtx_3090").value());
  EXPECT_EQ(copies, 0);
}

TEST_F(CrossedLinks, OfLayersOnBothAreMeasuredToo) {
  policy.device = DeviceChoice::cuda;
  policy.cpu_experts = 5;
  const Machine machine = measured(known_machine("h200").value(), gpt_oss_20b_config());
  const Link link = link_between(machine, cpu_device, cuda_device(0));
  EXPECT_TRUE(link.measured);
  EXPECT_NEAR(link.bandwidth, 55e9, 1e7);
  EXPECT_NEAR(link.latency, 3e-6, 1e-8);
}

TEST_F(CrossedLinks, StayAssumedWhereNoCopyCanBeHad) {
  works = false;
  const Machine before = known_machine("4x rtx_3090").value();
  EXPECT_EQ(measured(before, gpt_oss_120b_config()), before);
  EXPECT_TRUE(read_facts(file).empty());
}

TEST_F(CrossedLinks, AreNotTakenFromWhatMakesNoSense) {
  const Machine before = known_machine("4x rtx_3090").value();
  const Machine first = measured(before, gpt_oss_120b_config());
  Json facts = read_facts(file);
  for (auto& [key, entry] : facts.items()) entry = {{"gb_per_second", -1}, {"latency_us", "fast"}};
  write_facts(file, facts);
  copies = 0;
  EXPECT_EQ(measured(before, gpt_oss_120b_config()), first);
  EXPECT_GT(copies, 0);
}

TEST_F(CrossedLinks, LeaveTheOtherFactsOfTheFileAlone) {
  write_facts(file, {{"a CPU", {{"readings", Json::array()}}}});
  measured(known_machine("4x rtx_3090").value(), gpt_oss_120b_config());
  EXPECT_TRUE(read_facts(file).contains("a CPU"));
}

}  // namespace
}  // namespace mxpath
