#include "kernels/catalogue.h"

#include "cuda/cuda.h"
#include "kernels/known_issues.h"
#include "kernels/rows.h"

namespace mxpath {
namespace {

Catalogue make_catalogue() {
  Catalogue all;
  for (auto rows : {embed_paths(), norm_paths(), linear_paths(), rope_paths(), attention_paths(), router_paths(), moe_matmul_paths(),
                    swiglu_paths(), sample_paths()})
    for (const KernelPath& path : rows) all.paths.push_back(&path);
  all.known_issues.assign(known_issues().begin(), known_issues().end());
  all.nvcc = nvcc_version(MXPATH_NVCC);
  return all;
}

}  // namespace

const Catalogue& catalogue() {
  static const Catalogue all = make_catalogue();
  return all;
}

const Catalogue& catalogue_of_full_build() {
  static const std::vector<KernelPath> rows = [] {
    std::vector<KernelPath> copies;
    for (const KernelPath* path : catalogue().paths) {
      copies.push_back(*path), copies.back().built = true;
      if (path->needs.driver_of_toolkit) copies.back().needs.driver = driver_of_today;  // whatever toolkit this build had
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

Failures image_failures(const Machine& machine, int cuda_index) {
  Failures failures;
  const bool usable =
      cuda_built && static_cast<size_t>(cuda_index) < machine.gpus.size() && machine.gpus[static_cast<size_t>(cuda_index)].problem.empty();
  if (!usable) return failures;
  for (const KernelPath* path : catalogue().paths) {
    if (!path->images) continue;
    for (const void* kernel : path->images())
      if (const std::string problem = image_problem(cuda_index, kernel); !problem.empty())
        failures.try_emplace(std::string(path->name), Failure{Check::no_image, problem});
  }
  return failures;
}

}  // namespace mxpath
