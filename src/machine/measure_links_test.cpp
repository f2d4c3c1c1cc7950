// What is made of the times that copies take; the clock is made up.
#include "machine/measure_links.h"

#include <gtest/gtest.h>

#include <map>

namespace mxpath {
namespace {

/// Copies of one latency and bandwidth.
CopyTimer steady(double latency, double bandwidth) {
  return [=](DeviceId, DeviceId, size_t bytes) { return latency + double(bytes) / bandwidth; };
}

const Link assumed = assumed_link(cuda_device(0), cuda_device(1), true, true);

TEST(MeasuredLink, HasTheLatencyAndTheBandwidthOfItsCopies) {
  const Link link = measured_link(assumed, steady(6.9e-6, 370e9));
  EXPECT_TRUE(link.measured);
  EXPECT_NEAR(link.latency, 6.9e-6, 1e-9);
  EXPECT_NEAR(link.bandwidth, 370e9, 1e6);
  EXPECT_TRUE(link.peer && link.nvlink && link.a == assumed.a && link.b == assumed.b);
  EXPECT_LT(copy_seconds(link, 11520), 0.75 * copy_seconds(assumed, 11520)) << "what was assumed is 10 µs and 200 GB/s";
}

TEST(MeasuredLink, IsTheMedianInBothDirections) {
  int copies = 0;
  std::map<DeviceId, int> from;
  const Link link = measured_link(assumed, [&](DeviceId a, DeviceId, size_t bytes) {
    ++from[a];
    const bool disturbed = ++copies % 5 == 0;
    return (disturbed ? 1e-3 : 7e-6) + double(bytes) / 300e9;
  });
  EXPECT_NEAR(link.latency, 7e-6, 1e-8);
  EXPECT_NEAR(link.bandwidth, 300e9, 1e8);
  EXPECT_GT(from[cuda_device(0)], 10);
  EXPECT_GT(from[cuda_device(1)], 10);
}

TEST(MeasuredLink, StaysAssumedWithoutFiguresThatMakeSense) {
  EXPECT_EQ(measured_link(assumed, [](DeviceId, DeviceId, size_t) { return 0.0; }), assumed) << "no copy can be had";
  EXPECT_EQ(measured_link(assumed, [](DeviceId, DeviceId, size_t bytes) { return bytes > 1 << 20 ? 0.0 : 1e-6; }),
            assumed);
  EXPECT_EQ(measured_link(assumed, [](DeviceId, DeviceId, size_t) { return 1e-6; }), assumed)
      << "24 MiB as fast as 11 KiB";
}

TEST(CopyTimer, HasNoCopiesOfAGpuThatIsNotThere) {
  const Machine here = probe_machine();
  const CopyTimer timer = copy_timer();
  EXPECT_EQ(timer(cpu_device, cuda_device(most_gpus - 1), 4096), 0);
  if (here.gpus.empty()) GTEST_SKIP() << here.no_gpu_reason;
  const Link link = measured_link(assumed_link(cpu_device, cuda_device(0)), timer);
  EXPECT_TRUE(link.measured);
  EXPECT_GT(link.bandwidth, 1e9);
  EXPECT_LT(link.latency, 1e-3);
}

}  // namespace
}  // namespace mxpath
