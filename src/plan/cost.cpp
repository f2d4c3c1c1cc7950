#include <algorithm>

#include "plan/plan.h"

namespace mxpath {
namespace {

/// A row without a measured efficiency is priced low: a new path must be measured before it can win.
constexpr double unmeasured = 0.02;

double bandwidth_of(const KernelPath& path, const Machine& machine) {
  if (path.device == Device::cpu) return machine.cpu.bandwidth;
  return machine.gpus.empty() ? 0 : machine.gpus.front().bandwidth;
}

double peak_of(const KernelPath& path, const Machine& machine) {
  if (path.device == Device::cpu) return machine.cpu.flops[static_cast<size_t>(path.unit)];
  if (machine.gpus.empty()) return 0;
  return path.unit == Unit::tensor_cores ? machine.gpus.front().tensor_flops : machine.gpus.front().cuda_flops;
}

}  // namespace

double predicted_seconds(const KernelPath& path, const Work& work, const Machine& machine) {
  // A roof that the machine does not have (a unit it lacks) still needs a finite price, so that refused rows can be compared.
  const double bandwidth = std::max(bandwidth_of(path, machine), 1e9), peak = std::max(peak_of(path, machine), 1e9);
  return std::max(work.bytes / bandwidth, work.flops / peak) / (path.efficiency > 0 ? path.efficiency : unmeasured);
}

}  // namespace mxpath
