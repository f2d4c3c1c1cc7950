// Every site of a model planned for one device, whatever part of the model will lie there.
#pragma once
#include <vector>

#include "plan/plan.h"

namespace mxpath {

/// What every step of the search for a placement looks at.
struct Search {
  const Manifest& manifest;
  const Catalogue& catalogue;
  const Machine& machine;
  const Policy& policy;
  const Failures& failures;
};

/// A composite site of a device, above sites of it.
struct DeviceBlock {
  std::vector<size_t> parts;  ///< indices of its parts, in the order in which they run
  Result<SitePlan> plan;
  SitePlan brief;  ///< without the rows that lost
};

/// Every site of the model planned for one device, or why it cannot be.
struct DeviceSites {
  DeviceId device;
  std::vector<Site> sites;
  std::vector<Result<SitePlan>> plans;  ///< of each site
  std::vector<SitePlan>
      brief;  ///< the same without the rows that lost, which a comparison of placements does not look at
  std::vector<DeviceBlock> blocks;  ///< of the sites that have a plan

  /// The error of the first site that the placement needs here and that has no path; null: there is none. The CPU can
  /// pick a token for a GPU.
  const Error* obstacle(const Placement& placement) const;
};

/// Plans each site alone and the composite ones above them. Where a row of a composite site wants the weights of its
/// parts in other layouts than these would take alone, all of them are planned again so, and the cheaper of both is
/// taken.
DeviceSites plan_device(DeviceId device, const Search& search);

/// The CPU's sites beside GPUs. Whatever lies there, the CPU must be able to sample too; an `only` that names sampling
/// on the GPU alone is kept by the GPU, and does not mean the CPU.
DeviceSites beside_gpus(const DeviceSites& cpu, const std::vector<DeviceSites>& gpus, const Search& search);

}  // namespace mxpath
