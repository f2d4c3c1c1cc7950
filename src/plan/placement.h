// Which layers lie on which GPU. Pure: candidates and their names, nothing is measured here.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "plan/policy.h"
#include "plan/site.h"

namespace mxpath {

/// A GPU and how many layers lie there.
struct GpuShare {
  DeviceId gpu;
  int layers = 0;
  bool operator==(const GpuShare&) const = default;
};

/// The last layers lie on GPUs, in ranges in the order of `gpus`, the last of which has the final norm and the head
/// too; the first `cpu_experts` of these layers keep their experts (and the norm and router before them) on the CPU.
/// Nothing on a GPU: `gpus` is empty.
struct Placement {
  int layers = 0;  ///< layers of the model
  std::vector<GpuShare> gpus = {};
  int cpu_experts = 0;
  bool gpu_embedding = false;
  bool operator==(const Placement&) const = default;

  int gpu_layers() const;
  DeviceId attention(int layer) const;
  DeviceId experts(int layer) const;
  DeviceId embedding() const { return gpu_embedding && !gpus.empty() ? gpus.front().gpu : cpu_device; }
  DeviceId head() const { return gpus.empty() ? cpu_device : gpus.back().gpu; }  ///< and the final norm
  bool uses(DeviceId device) const;  ///< whether any operation of a forward runs there; sampling apart
  bool all_on_gpus() const { return gpu_embedding && gpu_layers() == layers && cpu_experts == 0; }
  bool all_on_one_gpu() const { return all_on_gpus() && gpus.size() == 1; }
  /// The ways of the residual stream from one device to another in one forward, in their order.
  std::vector<std::pair<DeviceId, DeviceId>> crossings() const;
  /// "cuda:0", "cpu", "cuda:0 and cuda:1 (12 and 12 layers), the experts of 5 of 24 layers on the CPU", …
  std::string to_string() const;
};

/// How many layers lie on GPUs, of how many the experts do not, and where the embedding is.
struct Coverage {
  int gpu_layers = 0, cpu_experts = 0;
  bool gpu_embedding = false;
  bool operator==(const Coverage&) const = default;
};

/// All that the policy allows, the most on GPUs first: everything; the embedding on the CPU; the experts of more and
/// more layers there; more and more whole layers. Without the one that has nothing on a GPU.
std::vector<Coverage> coverages(int layers, const Policy& policy);

/// What the layers need of the GPU they lie on, and what each GPU has for them; bytes.
struct Loads {
  std::vector<uint64_t> layers;  ///< bytes of the layers on GPUs, in order
  uint64_t first = 0, last = 0;  ///< beside its layers, on the first GPU (the embedding) and on the last (the head)
  std::vector<uint64_t> room;    ///< the room of each GPU, without what it needs whatever lies there
};
/// Ranges of layers for the GPUs, such that the fullest is as empty as can be, each as a share of its room. A GPU
/// without room gets none.
std::vector<int> shares(const Loads& loads);

}  // namespace mxpath
