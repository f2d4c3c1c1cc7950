#include "device/device_id.h"

#include <fmt/format.h>

namespace mxpath {

std::string_view name_of(DeviceKind kind) { return kind == DeviceKind::cpu ? "cpu" : "cuda"; }

std::string to_string(DeviceId device) {
  return device.is_gpu() ? fmt::format("{}:{}", name_of(device.kind), device.index) : std::string(name_of(device.kind));
}

}  // namespace mxpath
