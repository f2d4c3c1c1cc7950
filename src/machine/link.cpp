// What a copy between two devices costs where nobody has measured it.
#include "machine/machine.h"

namespace mxpath {
namespace {

// A copy each way and a wait: PCIe 3 with 16 lanes and ordinary memory; the slowest NVLink of a GPU with
// capability 8.0.
constexpr double pcie_latency = 25e-6, pcie_bandwidth = 12e9;
constexpr double nvlink_latency = 10e-6, nvlink_bandwidth = 200e9;

}  // namespace

Link assumed_link(DeviceId a, DeviceId b, bool peer, bool nvlink) {
  Link link{.a = a, .b = b, .peer = peer, .nvlink = nvlink};
  // Between GPUs that are no peers, a copy by way of the computer's memory is two copies.
  const double copies = a.is_gpu() && b.is_gpu() && !peer ? 2 : 1;
  link.bandwidth = (nvlink ? nvlink_bandwidth : pcie_bandwidth) / copies;
  link.latency = (nvlink ? nvlink_latency : pcie_latency) * copies;
  return link;
}

Link link_between(const Machine& machine, DeviceId a, DeviceId b) {
  for (const Link& link : machine.links)
    if (link.joins(a, b)) return link;
  return assumed_link(a, b);
}

double copy_seconds(const Link& link, double bytes) { return link.latency + bytes / link.bandwidth; }

}  // namespace mxpath
