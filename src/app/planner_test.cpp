#include "app/planner.h"

#include <gtest/gtest.h>

#include "app/machine_here.h"
#include "app/manifest_of.h"
#include "app/model_files.h"
#include "app/runtime.h"
#include "app/test_model.h"
#include "base/json.h"
#include "plan/explain.h"

namespace mxpath {
namespace {

/// What the door shows is what loading does: to the last figure, and in what it tells.
TEST(Planner, ShowsThePlanThatIsLoaded) {
  const TestFolder folder;
  const std::string model = write_chat_model(folder);
  const Machine machine = machine_here(Measure::never, "");
  Policy bf16, fallback, forced;
  bf16.weights = NumberFormat::bf16;
  fallback.inject_failure = {"*.cpu.avx*"};
  forced.only = {"linear.cpu.portable.*"};
  for (Policy policy : {Policy(), bf16, fallback, forced}) {
    policy.device = DeviceChoice::cpu;
    std::vector<std::string> planned, loaded;
    const auto plan = plan_here(manifest_of(model, {}).value(), machine, policy,
                                [&](const std::string& text) { planned.push_back(text); });
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    LoadOptions options;
    options.notice = [&](const std::string& text) { loaded.push_back(text); };
    const auto runtime = start(open_model_files(model, {}).value(), machine, policy, options);
    ASSERT_TRUE(runtime.ok()) << runtime.error().message;
    EXPECT_EQ(plan_to_json(*plan), plan_to_json((*runtime)->plan()));
    EXPECT_EQ(explain(*plan, true), explain((*runtime)->plan(), true));
    std::erase_if(loaded, [](const std::string& text) { return text.starts_with("converted on load"); });
    EXPECT_EQ(planned, loaded);
  }
}

TEST(Planner, ANamedMachineHasABuildOfItsOwn) {
  const TestFolder folder;
  const auto plan = plan_for(write_chat_model(folder), {}, "h100", {});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_NE(plan->machine.find("H100"), std::string::npos) << plan->machine;
  EXPECT_EQ(explain(*plan, true).find("not_built"), std::string::npos);
}

}  // namespace
}  // namespace mxpath
