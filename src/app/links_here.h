// The links that a plan crosses on this computer, measured once.
#pragma once
#include <functional>
#include <string>

#include "app/machine_here.h"
#include "machine/measure_links.h"
#include "plan/plan.h"

namespace mxpath {

/// Where figures of links come from: a file that keeps them, and copies.
struct LinkSource {
  std::string cache_file;  ///< "": nothing is kept
  CopyTimer timer;
};
/// The file beside the bandwidth of the CPU (machine_here), and this computer's devices.
LinkSource links_here();

/// The machine with the figures of the links that its plan crosses. Kept by the UUIDs of the GPUs, the driver, the CPU
/// and the kernel release. if_unknown measures what the file has not (a few milliseconds for a pair); again measures
/// all; never takes what the file has. Other links could make another plan the fastest, so it is asked again, a few
/// times at most. Where nothing is crossed, nothing is touched.
Machine with_crossed_links(Machine machine, const std::function<Result<Plan>(const Machine&)>& plan, Measure measure,
                           const LinkSource& source);

}  // namespace mxpath
