#include "plan/placement.h"

#include "base/text.h"

namespace mxpath {

bool Placement::uses(Device device) const {
  if (device == Device::cuda) return gpu_layers > 0;
  return gpu_layers < layers || cpu_experts > 0;
}

int Placement::crossings() const {
  int count = 0;
  Device at = embedding();
  const auto go = [&](Device next) { count += at != next, at = next; };
  for (int layer = 0; layer < layers; ++layer) go(attention(layer)), go(experts(layer));
  go(head());
  return count;
}

std::string Placement::to_string() const {
  if (gpu_layers == 0) return "cpu";
  std::string text = fmt::format("cuda:{}", cuda_index);
  if (gpu_layers < layers) text += fmt::format(", {} of {} layers on the CPU", layers - gpu_layers, layers);
  else if (cpu_experts == 0 && !gpu_embedding) text += ", the embedding on the CPU";
  if (cpu_experts > 0) text += fmt::format(", the experts of {} of {} layers on the CPU", cpu_experts, gpu_layers);
  return text;
}

std::vector<Placement> placements(int layers, const Policy& policy) {
  std::vector<Placement> all;
  const auto add = [&](int gpu_layers, int cpu_experts, bool gpu_embedding) {
    const bool layers_wanted = !policy.gpu_layers || std::min(*policy.gpu_layers, layers) == gpu_layers;
    const bool experts_wanted = !policy.cpu_experts || std::min(*policy.cpu_experts, gpu_layers) == cpu_experts;
    if (layers_wanted && experts_wanted) all.push_back({layers, gpu_layers, cpu_experts, gpu_embedding, policy.cuda_index});
  };
  if (policy.device != DeviceChoice::cpu) {
    add(layers, 0, true), add(layers, 0, false);
    for (int experts = 1; experts <= layers; ++experts) add(layers, experts, false);
    for (int gpu = layers - 1; gpu > 0; --gpu) {
      add(gpu, 0, false);
      if (policy.cpu_experts && *policy.cpu_experts > 0) add(gpu, std::min(*policy.cpu_experts, gpu), false);
    }
  }
  const bool forced = policy.device == DeviceChoice::cuda && policy.gpu_layers.value_or(1) > 0;
  if (!forced) all.push_back({.layers = layers, .cuda_index = policy.cuda_index});
  return all;
}

}  // namespace mxpath
