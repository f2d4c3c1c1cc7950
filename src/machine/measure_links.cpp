#include "machine/measure_links.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <vector>

#include "device/device.h"

namespace mxpath {
namespace {

constexpr size_t small_copy = 11520, large_copy = size_t{24} << 20;
constexpr int small_copies = 21, large_copies = 5, warm_up = 2;

/// The median of copies whose direction alternates; 0: one of them cannot be had.
double median_copy(const Link& link, const CopyTimer& timer, size_t bytes, int copies) {
  std::vector<double> seconds;
  for (int i = -warm_up; i < copies; ++i) {
    const bool forth = i % 2 == 0;
    const double one = forth ? timer(link.a, link.b, bytes) : timer(link.b, link.a, bytes);
    if (!(one > 0)) return 0;
    if (i >= 0) seconds.push_back(one);
  }
  std::ranges::sort(seconds);
  return seconds[seconds.size() / 2];
}

/// A device's part of the copies.
struct End {
  Stream stream;
  Memory memory;
};
Result<End> open_end(DeviceId device) {
  End end;
  MXPATH_TRY(end.stream, Stream::create(device));
  MXPATH_TRY(end.memory, Memory::allocate(device, large_copy));
  MXPATH_CHECK(end.stream.fill(end.memory.data(), 1, large_copy));
  MXPATH_CHECK(end.stream.wait());
  return end;
}

class Copies {
 public:
  double seconds(DeviceId from, DeviceId to, size_t bytes) {
    if (!open(from, to)) return 0;
    End &a = *end(from), &b = *end(to), &host = *end(cpu_device);
    const auto start = std::chrono::steady_clock::now();
    if (!a.stream.copy_to_peer(b.stream, b.memory.data(), a.memory.data(), bytes)) {
      if (from.is_gpu()) (void)a.stream.copy_out(host.memory.data(), a.memory.data(), bytes);
      if (to.is_gpu()) (void)b.stream.copy_in(b.memory.data(), host.memory.data(), bytes);
    }
    const bool works = a.stream.wait().ok() && b.stream.wait().ok();
    return works ? std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() : 0;
  }

 private:
  End* end(DeviceId device) {
    const auto found = std::ranges::find_if(ends_, [&](const End& end) { return end.memory.where() == device; });
    return found == ends_.end() ? nullptr : &*found;
  }
  bool open(DeviceId from, DeviceId to) {
    if (end(from) && end(to)) return true;
    ends_.clear();
    std::vector<DeviceId> devices{cpu_device};
    for (const DeviceId device : {from, to})
      if (device.is_gpu()) devices.push_back(device);
    for (const DeviceId device : devices) {
      auto opened = open_end(device);
      if (!opened.ok()) return ends_.clear(), false;
      ends_.push_back(std::move(opened).value());
    }
    return true;
  }

  std::vector<End> ends_;  // the computer's memory, and the GPUs of the pair at hand
};

}  // namespace

CopyTimer copy_timer() {
  return [copies = std::make_shared<Copies>()](DeviceId from, DeviceId to, size_t bytes) {
    return copies->seconds(from, to, bytes);
  };
}

Link measured_link(const Link& link, const CopyTimer& timer) {
  const double small = median_copy(link, timer, small_copy, small_copies);
  const double large = small > 0 ? median_copy(link, timer, large_copy, large_copies) : 0;
  if (!(small > 0) || !(large > small)) return link;
  Link measured = link;
  measured.bandwidth = double(large_copy - small_copy) / (large - small);
  measured.latency = std::max(small - double(small_copy) / measured.bandwidth, 0.0);
  if (!std::isfinite(measured.bandwidth)) return link;
  measured.measured = true;
  return measured;
}

}  // namespace mxpath
