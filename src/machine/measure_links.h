// How fast copies between two devices are, measured.
#pragma once
#include <cstddef>
#include <functional>

#include "machine/machine.h"

namespace mxpath {

/// Seconds of one copy from one device to another, begun when the way is idle and waited for; 0: it cannot be had.
using CopyTimer = std::function<double(DeviceId from, DeviceId to, size_t bytes)>;

/// Times copies on this computer, the way a forward makes them: straight between peers, through the computer's memory
/// otherwise. Holds 24 MiB on both devices until it is gone. Without CUDA, or where a device does not answer, every
/// copy of a GPU takes 0.
CopyTimer copy_timer();

/// The link with bandwidth and latency from medians of copies of 24 MiB and of 11 KiB (the residual stream of a token
/// of gpt-oss) in both directions; a few milliseconds. As it was where a copy cannot be had, or where the figures make
/// no sense.
Link measured_link(const Link& link, const CopyTimer& timer);

}  // namespace mxpath
