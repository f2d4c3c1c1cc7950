#include "kernels/known_issues.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "kernels/catalogue.h"
#include "plan/plan.h"

namespace mxpath {
namespace {

/// The row as it stands beside the known issues in a program whose CUDA code came from that nvcc, on a card of that capability.
std::vector<Refusal> ask(std::string_view row, int capability, int nvcc) {
  const KernelPath path{.name = row, .op = Op::moe_gate_up, .device = Device::cuda, .weights = Layout::any, .unit = Unit::tensor_cores};
  Catalogue rows;
  rows.paths = {&path}, rows.nvcc = nvcc;
  rows.known_issues.assign(known_issues().begin(), known_issues().end());
  Machine machine;
  machine.gpus.push_back({.name = "card", .arch = {capability}, .driver = 13000});
  const Site site{.name = "moe.gate_up", .op = Op::moe_gate_up, .device = Device::cuda, .n = 5760, .k = 2880};
  const Policy policy;
  const Failures failures;
  return refusals(path, {site, Layout::mxfp4_rows, {1, 1}, rows, machine, policy, failures});
}

void expect_refused(const std::vector<Refusal>& all, std::string_view reason, std::string_view link) {
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].check, Check::known_issue);
  EXPECT_NE(all[0].wants.find(reason), std::string::npos) << all[0].wants;
  EXPECT_NE(all[0].have.find(link), std::string::npos) << all[0].have;
}

TEST(KnownIssues, TheByteThatNvcc132Mistakes) {
  for (const int nvcc : {nvcc_version(13, 2, 51), nvcc_version(13, 2, 78)})
    expect_refused(ask("moe_gate_up.cuda.sm80.mxfp4_bf16.gemv", 80, nvcc), "wrong byte of a packed word", "llama.cpp/issues/28581");
  for (const int nvcc : {0, nvcc_version(13, 1, 115), nvcc_version(13, 2, 86), nvcc_version(13, 4, 92)})
    EXPECT_TRUE(ask("moe_gate_up.cuda.sm80.mxfp4_bf16.gemv", 80, nvcc).empty()) << nvcc;
  EXPECT_TRUE(ask("linear.cuda.sm80.bf16_bf16.gemv", 80, nvcc_version(13, 2, 51)).empty());
}

TEST(KnownIssues, GeForceBlackwellUnderNvcc130) {
  const int nvcc = nvcc_version(13, 0, 88);
  expect_refused(ask("moe_gate_up.cuda.sm120a.mxfp4_bf16.mma", 120, nvcc), "GB202", "issues/360");
  EXPECT_TRUE(ask("moe_gate_up.cuda.sm120a.mxfp4_bf16.mma", 121, nvcc).empty());  // GB10 is another chip
  EXPECT_TRUE(ask("moe_gate_up.cuda.sm120a.mxfp4_bf16.mma", 120, nvcc_version(13, 1, 115)).empty());
  EXPECT_TRUE(ask("moe_gate_up.cuda.sm80.mxfp4_bf16.mma", 120, nvcc).empty());  // the driver compiles that one for the card
}

TEST(KnownIssues, TensorCoreTailsUnderNvcc128) {
  for (const int nvcc : {nvcc_version(12, 8, 61), nvcc_version(12, 8, 93), nvcc_version(12, 9, 41)})
    expect_refused(ask("moe_gate_up.cuda.sm90a.mxfp4_bf16.wgmma", 90, nvcc), "NVBUG 5218000", "cublasdx");
  EXPECT_TRUE(ask("moe_gate_up.cuda.sm90a.mxfp4_bf16.wgmma", 90, nvcc_version(12, 9, 86)).empty());
  EXPECT_TRUE(ask("moe_gate_up.cuda.sm90a.mxfp4_bf16.gemv", 90, nvcc_version(12, 8, 93)).empty());
}

TEST(KnownIssues, NeverTakeTheFloorAway) {
  for (const KernelPath* path : catalogue().paths)
    for (const KnownIssue& issue : known_issues()) EXPECT_FALSE(is_floor(*path) && glob_match(issue.path, path->name)) << path->name;
}

TEST(KnownIssues, CanBeLookedUp) {
  EXPECT_GE(known_issues().size(), 2u);
  EXPECT_EQ(catalogue().known_issues.size(), known_issues().size());
  for (const KnownIssue& issue : known_issues()) {
    EXPECT_TRUE(issue.link.starts_with("https://")) << issue.link;
    EXPECT_FALSE(issue.reason.empty());
  }
}

}  // namespace
}  // namespace mxpath
