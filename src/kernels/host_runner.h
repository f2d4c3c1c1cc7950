// Runs any kernel path on arrays in host memory: what tests and the self-check want of a row, wherever it computes.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/text.h"
#include "device/device.h"
#include "plan/path.h"

namespace mxpath {

/// Every array that the arguments point to lies in host memory, `threads` is set, `stream` is not looked at. A CPU row
/// is called as it is. A CUDA row works on copies in device memory, each as far from a 64-byte line as its original and
/// between guard bytes; its scratch is allocated here and full of NaN. All outputs come back whole, so that elements
/// that were not written show. Keep one for many calls: device memory stays allocated. Not for two threads at once.
class HostRunner {
 public:
  /// What keeps a device from doing its work; empty: nothing.
  using DeviceProblem = std::function<std::string(DeviceId device)>;
  /// The GPU is not touched before the first CUDA row. `problem` is asked about it after each error.
  explicit HostRunner(DeviceId gpu = cuda_device(0), DeviceProblem problem = device_problem);
  HostRunner(HostRunner&&) noexcept;
  HostRunner& operator=(HostRunner&&) noexcept;
  ~HostRunner();

  /// Errors: the row takes other arguments; CUDA rows: no CUDA in this build or no such device, no memory, a launch
  /// that failed, a row that wrote beyond its outputs or into its inputs. The runner can be used again after an error,
  /// unless it broke the device: then every later CUDA row fails with device_failure(), and none of them is to blame.
  template <class Args>
  Status run(const KernelPath& path, const Args& args) {
    const auto* function = std::get_if<void (*)(const Args&)>(&path.run);
    if (!function) return fail("{} does not take these arguments, or is not built", path.name);
    if (path.device == DeviceKind::cpu) return (*function)(args), Status();
    Args placed = args;
    return run_on_device(path, &placed, placed.stream, [&] { (*function)(placed); });
  }

  /// What broke the device for good; empty: nothing did. Rows of the CPU run whatever it says.
  const std::string& device_failure() const { return device_failure_; }

 private:
  class CudaSide;
  /// `args` are of the operation's type; `stream` is one of them, and `call` runs the row with them.
  Status run_on_device(const KernelPath& path, void* args, Stream*& stream, const std::function<void()>& call);

  DeviceId gpu_;
  DeviceProblem problem_;
  std::string device_failure_;
  std::unique_ptr<CudaSide> cuda_;
};

}  // namespace mxpath
