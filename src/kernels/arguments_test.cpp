// The lists of arguments, tried without a GPU: rows of the CPU that pass for rows of a device, whose memory is the
// computer's.
#include "kernels/arguments.h"

#include <gtest/gtest.h>

#include "checkpoint/random_checkpoint.h"
#include "kernels/catalogue.h"
#include "kernels/self_check_subject.h"

namespace mxpath {
namespace {

/// The row as HostRunner meets those of a GPU: it is given copies.
KernelPath on_copies(const KernelPath& path) {
  KernelPath copy = path;
  copy.device = DeviceKind::cuda;
  return copy;
}

Plan cpu_plan(const ModelConfig& config) {
  Policy policy;
  policy.device = DeviceChoice::cpu;
  return make_plan(manifest_from_config(config, "test"), catalogue(), probe_machine(), policy).value();
}

/// The self-check of each operation sees all that a row reads and writes: what is missing in a list, or too short,
/// makes it fail.
TEST(Arguments, OfEveryOperationBringWhatARowNeeds) {
  const ModelConfig config = tiny_config();
  const Plan plan = cpu_plan(config);
  ThreadPool alone(1);
  HostRunner runner(cpu_device);
  EnumSet<Op> tried;
  for (const SitePlan& site : plan.sites) {
    const KernelPath row = on_copies(site.path_for({}));
    Subject subject{row, site.site, site.layout, config, alone, runner, {1, 3, 17}};
    Comparison out;
    kernels_of(row.op).check(subject, out);
    EXPECT_EQ(out.finding, "") << row.name;
    EXPECT_LE(out.worst, 1) << row.name;
    tried.add(row.op);
  }
  for (int i = 0; i < op_count; ++i)
    if (const Op op = static_cast<Op>(i); kernels_of(op).arguments) {
      EXPECT_TRUE(tried.has(op)) << name_of(op);
    }
}

void too_far(const SwigluArgs& args) {
  for (int64_t i = 0; i <= args.rows * args.width; ++i) args.h[i] = 1;
}
void into_its_input(const SwigluArgs& args) { const_cast<float*>(args.u)[0] = 7; }

TEST(Arguments, AreBetweenGuards) {
  const std::vector<float> u(2 * 5, 1.0f);
  std::vector<float> h(5 + 1);
  HostRunner runner(cpu_device);
  KernelPath row{.name = "swiglu.cuda.too_far", .op = Op::swiglu, .device = DeviceKind::cuda, .run = too_far};
  const SwigluArgs args{.u = u.data(), .h = h.data(), .rows = 1, .width = 5};
  const Status beyond = runner.run(row, args);
  ASSERT_FALSE(beyond.ok());
  EXPECT_NE(beyond.error().message.find("an output"), std::string::npos) << beyond.error().message;
  row.run = into_its_input;
  const Status changed = runner.run(row, args);
  ASSERT_FALSE(changed.ok());
  EXPECT_NE(changed.error().message.find("an input"), std::string::npos) << changed.error().message;
  EXPECT_EQ(u[0], 1.0f) << "it was given a copy";
}

/// A row that keeps more than it says meets the guard behind its scratch.
void keeps_too_much(const SampleArgs& args) { static_cast<uint8_t*>(args.scratch)[8] = 1; }

TEST(Arguments, GiveARowTheScratchThatItAsksFor) {
  const std::vector<float> logits(16, 1.0f);
  int32_t token = 0;
  HostRunner runner(cpu_device);
  KernelPath row{.name = "sample.cuda.too_much",
                 .op = Op::sample,
                 .device = DeviceKind::cuda,
                 .scratch = [](const Site&, const Call&, int) -> size_t { return 8; },
                 .run = keeps_too_much};
  const SampleArgs args{.logits = logits.data(), .vocab = 16, .largest_token = 15, .token = &token};
  const Status status = runner.run(row, args);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("the scratch"), std::string::npos) << status.error().message;
  row.scratch = [](const Site& site, const Call&, int) -> size_t { return static_cast<size_t>(site.n); };
  EXPECT_TRUE(runner.run(row, args).ok()) << "a byte of the vocabulary's sixteen";
}

}  // namespace
}  // namespace mxpath
