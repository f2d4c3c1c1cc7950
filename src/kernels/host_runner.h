// Runs any kernel path on arrays in host memory: what tests and the self-check want of a row, wherever it computes.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "device/device.h"
#include "plan/path.h"

namespace mxpath {

/// Every array that the arguments point to lies in host memory, `threads` is set, `stream` is not looked at. A CPU row is called as it is.
/// A CUDA row works on copies in device memory, each as far from a 64-byte line as its original and between guard bytes; its scratch is
/// allocated here and full of NaN. All outputs come back whole, so that elements that were not written show.
/// Keep one for many calls: device memory stays allocated. Not for two threads at once.
class HostRunner {
 public:
  /// What keeps a device from doing its work; empty: nothing.
  using DeviceProblem = std::function<std::string(DeviceId device)>;
  /// The GPU is not touched before the first CUDA row. `problem` is asked about it after each error.
  explicit HostRunner(DeviceId gpu = cuda_device(0), DeviceProblem problem = device_problem);
  HostRunner(HostRunner&&) noexcept;
  HostRunner& operator=(HostRunner&&) noexcept;
  ~HostRunner();

  /// Errors: the row takes other arguments; CUDA rows: no CUDA in this build or no such device, no memory, a launch that failed, a row that
  /// wrote beyond its outputs or into its inputs. The runner can be used again after an error, unless it broke the device: then every later
  /// CUDA row fails with device_failure(), and none of them is to blame.
  Status run(const KernelPath& path, const EmbedArgs& args);
  Status run(const KernelPath& path, const NormArgs& args);
  Status run(const KernelPath& path, const LinearArgs& args);
  Status run(const KernelPath& path, const RopeArgs& args);
  Status run(const KernelPath& path, const AttentionArgs& args);
  Status run(const KernelPath& path, const RouterArgs& args);
  Status run(const KernelPath& path, const MoeMatmulArgs& args);
  Status run(const KernelPath& path, const SwigluArgs& args);
  Status run(const KernelPath& path, const SampleArgs& args);
  /// Of composite operations the rows of a CPU alone.
  Status run(const KernelPath& path, const AttentionBlockArgs& args);
  Status run(const KernelPath& path, const ExpertsBlockArgs& args);

  /// What broke the device for good; empty: nothing did. Rows of the CPU run whatever it says.
  const std::string& device_failure() const { return device_failure_; }

 private:
  class CudaSide;
  template <class Args>
  Status run_any(const KernelPath& path, const Args& args);
  template <class Args>
  Status run_on_cpu(const KernelPath& path, const Args& args);

  DeviceId gpu_;
  DeviceProblem problem_;
  std::string device_failure_;
  std::unique_ptr<CudaSide> cuda_;
};

}  // namespace mxpath
