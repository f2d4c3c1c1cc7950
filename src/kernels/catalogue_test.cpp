// What every row must be, whatever it computes.
#include "kernels/catalogue.h"

#include <set>

#include "kernels/rows.h"
#include "kernels/test_rows.h"

namespace mxpath {
namespace {

TEST(CatalogueTest, HasExactlyOneFloorForEveryOperation) {
  for (int op = 0; op < op_count; ++op) {
    int floors = 0;
    for (const KernelPath* path : catalogue().paths)
      floors += path->op == static_cast<Op>(op) && path->device == DeviceKind::cpu && is_floor(*path);
    EXPECT_EQ(floors, 1) << name_of(static_cast<Op>(op));
  }
}

TEST(CatalogueTest, NamesRowsByWhatTheyAre) {
  std::set<std::string_view> names;
  for (const KernelPath* path : catalogue().paths) {
    EXPECT_TRUE(names.insert(path->name).second) << path->name << " is there twice";
    const std::string start = std::string(name_of(path->op)) + "." + std::string(name_of(path->device)) + ".";
    EXPECT_EQ(path->name.substr(0, start.size()), start);
    EXPECT_EQ(catalogue().find(path->name), path);
  }
}

TEST(CatalogueTest, GivesEveryBuiltRowTheFunctionOfItsOperation) {
  for (const KernelPath* path : catalogue().paths) {
    EXPECT_FALSE(path->built && std::holds_alternative<std::monostate>(path->run)) << path->name;
    const bool moe = path->op == Op::moe_gate_up || path->op == Op::moe_down;
    EXPECT_EQ(moe, std::holds_alternative<void (*)(const MoeMatmulArgs&)>(path->run)) << path->name;
    EXPECT_EQ(path->op == Op::linear, std::holds_alternative<void (*)(const LinearArgs&)>(path->run)) << path->name;
    EXPECT_EQ(path->op == Op::attention, std::holds_alternative<void (*)(const AttentionArgs&)>(path->run))
        << path->name;
  }
}

TEST(CatalogueTest, ClaimsAnEfficiencyThatCanBe) {
  // 0: not measured, which no row of a CPU is.
  for (const KernelPath* path : catalogue().paths)
    for (const double share : {path->efficiency.one, path->efficiency.many})
      EXPECT_TRUE(share <= 1 && (share > 0 || (share == 0 && path->device == DeviceKind::cuda))) << path->name;
}

TEST(CatalogueTest, AsksForTheFeaturesOfItsUnit) {
  for (const KernelPath* path : catalogue().paths) {
    const bool avx512 = path->unit == Unit::avx512 || path->unit == Unit::avx512_bf16;
    EXPECT_EQ(path->needs.cpu.has(CpuFeature::avx512), avx512) << path->name;
    EXPECT_EQ(path->needs.cpu.has(CpuFeature::avx512_bf16), path->unit == Unit::avx512_bf16) << path->name;
    EXPECT_EQ(path->needs.cpu.has(CpuFeature::avx2), avx512 || path->unit == Unit::avx2) << path->name;
    EXPECT_EQ(path->arithmetic == Arithmetic::bf16_inputs, path->unit == Unit::avx512_bf16) << path->name;
  }
}

/// A driver that has no image of anything, and counts who asks.
int asked = 0;
std::string no_image(const KernelPath& path, DeviceId) {
  return ++asked, path.device == DeviceKind::cuda ? "no image" : "";
}

TEST(ImageFailures, AreAskedOfGpusThatMayBeUsedAlone) {
  Machine machine;
  machine.gpus = {{.name = "one", .arch = {80}, .free_memory = 2}, {.name = "two", .arch = {80}, .free_memory = 1}};
  const auto failures = [&](std::string_view device) {
    Policy policy;
    EXPECT_TRUE(set_device(policy, device).ok());
    asked = 0;
    return image_failures(machine, policy, no_image);
  };
  EXPECT_TRUE(failures("cpu").empty());
  EXPECT_EQ(asked, 0) << "a plan for the CPU opened a context on the GPU";
  if (!cuda_built) GTEST_SKIP() << "nothing was compiled for a GPU";
  EXPECT_FALSE(failures("auto").empty());
  EXPECT_EQ(asked, static_cast<int>(catalogue().paths.size())) << "GPUs of one architecture are asked about together";
  for (const auto& [suspect, failure] : failures("cuda:1")) EXPECT_EQ(suspect.device, cuda_device(1));
}

}  // namespace
}  // namespace mxpath
