#include "plan/placement.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"

namespace mxpath {
namespace {

/// "cuda:0", "cuda:0 and cuda:1 (12 and 12 layers)", "cuda:0, cuda:1 and cuda:2 (8, 8 and 8 layers)".
std::string gpus_text(const std::vector<GpuShare>& gpus) {
  const auto joined = [&](const auto& text_of) {
    std::string out;
    for (size_t i = 0; i < gpus.size(); ++i)
      out += fmt::format("{}{}", i == 0 ? "" : i + 1 == gpus.size() ? " and " : ", ", text_of(gpus[i]));
    return out;
  };
  const std::string names = joined([](const GpuShare& share) { return to_string(share.gpu); });
  if (gpus.size() == 1) return names;
  return fmt::format("{} ({} layers)", names,
                     joined([](const GpuShare& share) { return std::to_string(share.layers); }));
}

/// Layers for each GPU when each is filled up to a share of its room; fewer than there are in all: they are not enough.
std::vector<int> filled(const Loads& loads, double share) {
  std::vector<int> counts(loads.room.size(), 0);
  size_t next = 0;
  for (size_t g = 0; g < loads.room.size(); ++g) {
    double left = share * static_cast<double>(loads.room[g]);
    if (next == 0) left -= static_cast<double>(loads.first);
    // The last layer brings the head with it.
    const auto needs = [&] {
      return static_cast<double>(loads.layers[next]) +
             (next + 1 == loads.layers.size() ? static_cast<double>(loads.last) : 0);
    };
    for (; next < loads.layers.size() && needs() <= left; ++next, ++counts[g]) left -= needs();
  }
  return counts;
}

}  // namespace

int Placement::gpu_layers() const {
  return std::accumulate(gpus.begin(), gpus.end(), 0,
                         [](int sum, const GpuShare& share) { return sum + share.layers; });
}

DeviceId Placement::attention(int layer) const {
  int end = layers;
  for (size_t g = gpus.size(); g-- > 0;) {
    end -= gpus[g].layers;
    if (layer >= end) return gpus[g].gpu;
  }
  return cpu_device;
}

DeviceId Placement::experts(int layer) const {
  return layer < layers - gpu_layers() + cpu_experts ? cpu_device : attention(layer);
}

bool Placement::uses(DeviceId device) const {
  if (device == cpu_device) return gpu_layers() < layers || cpu_experts > 0;
  return std::ranges::find(gpus, device, &GpuShare::gpu) != gpus.end();
}

std::vector<std::pair<DeviceId, DeviceId>> Placement::crossings() const {
  std::vector<std::pair<DeviceId, DeviceId>> all;
  DeviceId at = embedding();
  const auto go = [&](DeviceId next) {
    if (at != next) all.emplace_back(at, next);
    at = next;
  };
  for (int layer = 0; layer < layers; ++layer) {
    go(attention(layer));
    go(experts(layer));
  }
  go(head());
  return all;
}

std::string Placement::to_string() const {
  if (gpus.empty()) return mxpath::to_string(cpu_device);
  const int on_gpus = gpu_layers();
  std::string text = gpus_text(gpus);
  if (on_gpus < layers) text += fmt::format(", {} of {} on the CPU", layers - on_gpus, plural(layers, "layer"));
  else if (cpu_experts == 0 && !gpu_embedding) text += ", the embedding on the CPU";
  if (cpu_experts > 0)
    text += fmt::format(", the experts of {} of {} on the CPU", cpu_experts, plural(on_gpus, "layer"));
  return text;
}

std::vector<Coverage> coverages(int layers, const Policy& policy) {
  std::vector<Coverage> all;
  const auto add = [&](int gpu_layers, int cpu_experts, bool gpu_embedding) {
    const bool layers_wanted = !policy.gpu_layers || std::min(*policy.gpu_layers, layers) == gpu_layers;
    const bool experts_wanted = !policy.cpu_experts || std::min(*policy.cpu_experts, gpu_layers) == cpu_experts;
    if (layers_wanted && experts_wanted) all.push_back({gpu_layers, cpu_experts, gpu_embedding});
  };
  if (policy.device == DeviceChoice::cpu) return all;
  add(layers, 0, true);
  add(layers, 0, false);
  for (int experts = 1; experts <= layers; ++experts) add(layers, experts, false);
  for (int gpu = layers - 1; gpu > 0; --gpu) {
    add(gpu, 0, false);
    if (policy.cpu_experts && *policy.cpu_experts > 0) add(gpu, std::min(*policy.cpu_experts, gpu), false);
  }
  return all;
}

std::vector<int> shares(const Loads& loads) {
  const auto total = [&](const std::vector<int>& counts) { return std::accumulate(counts.begin(), counts.end(), 0); };
  const int wanted = static_cast<int>(loads.layers.size());
  double low = 0, high = 1;
  while (total(filled(loads, high)) < wanted && high < 1e6) high *= 2;
  for (int step = 0; step < 40; ++step) {
    const double middle = (low + high) / 2;
    (total(filled(loads, middle)) < wanted ? low : high) = middle;
  }
  std::vector<int> counts = filled(loads, high);
  // Without any room there is no share; somewhere the layers must be counted all the same.
  if (!counts.empty()) counts.back() += wanted - total(counts);
  return counts;
}

}  // namespace mxpath
