// Which layers lie on the GPU. Pure: candidates and their names, nothing is measured here.
#pragma once
#include <string>
#include <vector>

#include "plan/policy.h"
#include "plan/site.h"

namespace mxpath {

/// The last `gpu_layers` layers lie on the GPU with the final norm and the head; the first `cpu_experts` of those keep their experts (and
/// the norm and router before them) on the CPU. Nothing on the GPU: all zero.
struct Placement {
  int layers = 0, gpu_layers = 0, cpu_experts = 0;
  bool gpu_embedding = false;
  int cuda_index = 0;
  bool operator==(const Placement&) const = default;

  Device attention(int layer) const { return layer >= layers - gpu_layers ? Device::cuda : Device::cpu; }
  Device experts(int layer) const { return layer >= layers - gpu_layers + cpu_experts ? Device::cuda : Device::cpu; }
  Device embedding() const { return gpu_embedding ? Device::cuda : Device::cpu; }
  Device head() const { return gpu_layers > 0 ? Device::cuda : Device::cpu; }  ///< and the final norm
  bool uses(Device device) const;  ///< whether any operation of a forward runs there; sampling apart
  bool all_on_gpu() const { return gpu_embedding && gpu_layers == layers && cpu_experts == 0; }
  /// How often the residual stream goes from one device to the other in one forward.
  int crossings() const;
  /// "cuda:0", "cpu", "cuda:0, the experts of 5 of 24 layers on the CPU", …
  std::string to_string() const;
};

/// All placements that the policy allows, the most on the GPU first: everything; the embedding on the CPU; the experts of more and more
/// layers there; more and more whole layers; and nothing on the GPU, unless the policy asks for the GPU by name.
std::vector<Placement> placements(int layers, const Policy& policy);

}  // namespace mxpath
