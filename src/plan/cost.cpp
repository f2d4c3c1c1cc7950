#include <algorithm>

#include "plan/plan.h"

namespace mxpath {
namespace {

/// A row without a measured efficiency is priced low: a new path must be measured before it can win.
constexpr double unmeasured = 0.02;
/// A kernel inside a graph until the next one runs, measured on an H200; small operations take nothing else.
constexpr double launch_seconds = 2e-6;

double bandwidth_of(const KernelPath& path, const Machine& machine, const Gpu& gpu) {
  return path.device == DeviceKind::cpu ? machine.cpu.bandwidth : gpu.bandwidth;
}

double peak_of(const KernelPath& path, const Machine& machine, const Gpu& gpu) {
  if (path.device == DeviceKind::cpu) return machine.cpu.flops[static_cast<size_t>(path.unit)];
  return path.unit == Unit::tensor_cores ? gpu.tensor_flops : gpu.cuda_flops;
}

}  // namespace

double roof_seconds(const KernelPath& path, const Work& work, const Machine& machine, DeviceId device) {
  static const Gpu none;
  const Gpu* there = machine.gpu(device);
  const Gpu& gpu = there ? *there : none;
  // A roof that the machine does not have (a unit it lacks) still needs a finite price, so that refused rows can be
  // compared.
  const double bandwidth = std::max(bandwidth_of(path, machine, gpu), 1e9),
               peak = std::max(peak_of(path, machine, gpu), 1e9);
  return std::max(work.bytes / bandwidth, work.flops / peak);
}

double predicted_seconds(const KernelPath& path, const Load& load, const Machine& machine, DeviceId device) {
  const auto seconds = [&](const Work& work, double efficiency) {
    return roof_seconds(path, work, machine, device) / (efficiency > 0 ? efficiency : unmeasured);
  };
  const double launches = path.device == DeviceKind::cuda ? path.launches * launch_seconds : 0;
  const double one = seconds(load.of_one, path.efficiency.one);
  return launches + (load.tokens == 1 ? one : std::max(one, seconds(load.work, path.efficiency.many)));
}

}  // namespace mxpath
