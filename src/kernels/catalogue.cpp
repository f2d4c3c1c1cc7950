#include "kernels/catalogue.h"

#include <algorithm>
#include <map>

#include "device/device.h"
#include "kernels/known_issues.h"
#include "kernels/rows.h"

namespace mxpath {
namespace {

/// In the order of the enum; the rows are listed in it too.
constexpr OpKernels op_kernels[] = {
    {Op::embed, embed_paths, check_embed, list_any<EmbedArgs>},
    {Op::norm, norm_paths, check_norm, list_any<NormArgs>},
    {Op::linear, linear_paths, check_linear, list_any<LinearArgs>},
    {Op::rope, rope_paths, check_rope, list_any<RopeArgs>},
    {Op::attention, attention_paths, check_attention, list_any<AttentionArgs>},
    {Op::router, router_paths, check_router, list_any<RouterArgs>},
    {Op::moe_gate_up, moe_matmul_paths, check_moe, list_any<MoeMatmulArgs>},
    {Op::swiglu, swiglu_paths, check_swiglu, list_any<SwigluArgs>},
    {Op::moe_down, nullptr, check_moe, list_any<MoeMatmulArgs>},
    {Op::sample, sample_paths, check_sample, list_any<SampleArgs>},
    {Op::attention_block, attention_block_paths, check_attention_block, nullptr},
    {Op::experts_block, experts_block_paths, check_experts_block, nullptr},
};

constexpr bool in_enum_order() {
  for (size_t i = 0; i < std::size(op_kernels); ++i)
    if (static_cast<size_t>(op_kernels[i].op) != i) return false;
  return std::size(op_kernels) == static_cast<size_t>(op_count);
}
static_assert(in_enum_order());

Catalogue make_catalogue() {
  Catalogue all;
  for (const OpKernels& op : op_kernels)
    if (op.paths)
      for (const KernelPath& path : op.paths()) all.paths.push_back(&path);
  all.known_issues.assign(known_issues().begin(), known_issues().end());
  all.nvcc = nvcc_version(MXPATH_NVCC);
  return all;
}

/// The usable GPUs that a policy allows, those of one architecture together.
std::vector<std::vector<DeviceId>> alike(const Machine& machine, const Policy& policy) {
  std::map<int, std::vector<DeviceId>> by_arch;
  for (size_t i = 0; i < machine.gpus.size(); ++i) {
    const DeviceId id = cuda_device(static_cast<int>(i));
    const bool allowed = policy.gpus.empty() || std::ranges::count(policy.gpus, id);
    if (allowed && machine.gpus[i].problem.empty()) by_arch[machine.gpus[i].arch.number].push_back(id);
  }
  std::vector<std::vector<DeviceId>> groups;
  for (auto& [arch, gpus] : by_arch) groups.push_back(std::move(gpus));
  return groups;
}

}  // namespace

const OpKernels& kernels_of(Op op) { return op_kernels[static_cast<size_t>(op)]; }

std::string missing_image(const KernelPath& path, DeviceId device) {
  if (!path.images) return "";
  for (const void* kernel : path.images())
    if (std::string problem = image_problem(device, kernel); !problem.empty()) return problem;
  return "";
}

const Catalogue& catalogue() {
  static const Catalogue all = make_catalogue();
  return all;
}

const Catalogue& catalogue_of_full_build() {
  static const std::vector<KernelPath> rows = [] {
    std::vector<KernelPath> copies;
    for (const KernelPath* path : catalogue().paths) {
      copies.push_back(*path), copies.back().built = true;
      if (path->needs.driver_of_toolkit)
        copies.back().needs.driver = driver_of_today;  // whatever toolkit this build had
    }
    return copies;
  }();
  static const Catalogue all = [] {
    Catalogue full = catalogue();
    full.nvcc = 0;  // of that program nobody knows it
    for (size_t i = 0; i < rows.size(); ++i) full.paths[i] = &rows[i];
    return full;
  }();
  return all;
}

Failures image_failures(const Machine& machine, const Policy& policy, AskForImage ask) {
  Failures failures;
  const auto named = named_gpus(policy, machine);
  if (!cuda_built || policy.device == DeviceChoice::cpu || !named.ok()) return failures;
  for (const auto& gpus : alike(machine, *named)) {
    const DeviceId asked =
        *std::ranges::max_element(gpus, {}, [&](DeviceId id) { return machine.gpu(id)->free_memory; });
    for (const KernelPath* path : catalogue().paths) {
      const std::string problem = ask(*path, asked);
      if (problem.empty()) continue;
      for (const DeviceId id : gpus)
        failures.try_emplace({std::string(path->name), id}, Failure{Check::no_image, problem});
    }
  }
  return failures;
}

}  // namespace mxpath
