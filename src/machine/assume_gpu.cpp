// What a GPU can do at most where its driver does not say: integrated ones and some virtual ones report no clocks.
#include <algorithm>

#include "machine/known_machines.h"

namespace mxpath {
namespace {

/// The lowest rates of the known machines' GPUs with an architecture.
Gpu lowest_of(int arch) {
  Gpu lowest;
  for (const KnownMachine& known : known_machines()) {
    const auto machine = machine_from_json(known.json, known.name);
    if (!machine.ok()) continue;
    for (const Gpu& gpu : machine->gpus) {
      if (gpu.arch.number != arch) continue;
      const auto lower = [&](double& rate, double other) { rate = rate > 0 ? std::min(rate, other) : other; };
      lower(lowest.bandwidth, gpu.bandwidth), lower(lowest.cuda_flops, gpu.cuda_flops),
          lower(lowest.tensor_flops, gpu.tensor_flops);
    }
  }
  return lowest;
}

/// The rates that stand for a GPU: its product's, or the lowest of the last known architecture up to its own, or of the
/// first.
Gpu rates_like(const Gpu& gpu) {
  if (const auto machine = known_machine(gpu.name); machine.ok())
    for (const Gpu& same : machine->gpus)
      if (same.arch == gpu.arch) return same;
  int nearest = 0, first = 0;
  for (const Product& product : products()) {
    if (lowest_of(product.capability).bandwidth <= 0) continue;
    if (product.capability <= gpu.arch.number) nearest = std::max(nearest, product.capability);
    first = first ? std::min(first, product.capability) : product.capability;
  }
  return lowest_of(nearest ? nearest : first);
}

}  // namespace

void assume_missing_rates(Gpu& gpu) {
  if (gpu.bandwidth > 0 && gpu.cuda_flops > 0) return;
  const Gpu like = rates_like(gpu);
  if (!(gpu.bandwidth > 0)) gpu.bandwidth = like.bandwidth, gpu.bandwidth_assumed = true;
  if (!(gpu.cuda_flops > 0)) gpu.cuda_flops = like.cuda_flops, gpu.tensor_flops = like.tensor_flops;
}

}  // namespace mxpath
