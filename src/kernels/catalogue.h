// All kernel paths.
#pragma once
#include "plan/refusal.h"

namespace mxpath {

/// Every row of every folder of src/kernels, and the known issues.
const Catalogue& catalogue();
/// The same as if every row had been compiled: what to plan with for another computer, whose program is not this one.
const Catalogue& catalogue_of_full_build();

/// What the driver of a GPU says against the kernels of a row; empty: they load, or the row has none for a GPU.
std::string missing_image(const KernelPath& path, DeviceId device);
/// Asks the driver whether the image of each CUDA row loads on the GPUs of this computer that the policy allows; those
/// that do not, with CUDA's text. `ask`: missing_image, or who answers in its place. Of a policy for the CPU no GPU is
/// asked anything. GPUs of one architecture are asked about together, at the one with the most free memory: asking
/// opens a context, which takes some. Empty where there is no such device or nothing was compiled for it.
using AskForImage = std::string (*)(const KernelPath& path, DeviceId device);
Failures image_failures(const Machine& machine, const Policy& policy, AskForImage ask = missing_image);

}  // namespace mxpath
