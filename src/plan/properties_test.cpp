#include "base/sanitized_for_test.h"
#include "plan/test_catalogue.h"
#include "plan/test_properties.h"

namespace mxpath {
namespace {

/// The rows of the small catalogue that can make a whole model: those of the CPU.
Catalogue cpu_rows() {
  Catalogue rows = test::catalogue();
  std::erase_if(rows.paths, [](const KernelPath* path) { return path->device == DeviceKind::cuda; });
  return rows;
}

constexpr int rounds = sanitized ? 60 : 300;

TEST(Properties, HoldOnRandomMachinesModelsAndFailures) { test::check_properties(cpu_rows(), 20260801, rounds); }

TEST(Properties, HoldWhereSomeRowsAreFaulty) {
  Catalogue rows = cpu_rows();
  rows.known_issues.push_back({.unit = Unit::avx512, .reason = "wrong sums", .link = "https://example.org/1"});
  test::check_properties(rows, 20260802, rounds / 3);
}

TEST(Properties, TheCostIsWhatTheGoalWeighs) {
  const auto plan =
      make_plan(manifest_from_config(test::small_config(), "test"), cpu_rows(), test::cpu_machine({}), {});
  ASSERT_TRUE(plan.ok());
  const SitePlan& head = plan->site(SiteId::head);
  const double one = head.decisions[0].all.front().seconds, many = head.decisions[3].all.front().seconds;
  EXPECT_GT(cost_of(head, Goal::prefill) - cost_of(head, Goal::decode), 10 * many - 250 * one);
  EXPECT_GT(cost_of(head, Goal::decode), 256 * one);
}

}  // namespace
}  // namespace mxpath
