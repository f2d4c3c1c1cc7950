#include "plan/policy.h"

#include <charconv>

#include "base/text.h"

namespace mxpath {

Status set_weights(Policy& policy, std::string_view text) {
  policy.weights.reset();
  if (text == "as-stored") return {};
  if (text == "bf16") policy.weights = NumberFormat::bf16;
  else if (text == "fp32") policy.weights = NumberFormat::fp32;
  else if (text == "mxfp4") policy.weights = NumberFormat::mxfp4;
  else return wrong_use("--weights {}: not a weights format of this version; choose as-stored, mxfp4, bf16 or fp32", printable(text));
  return {};
}

Status set_device(Policy& policy, std::string_view text) {
  policy.cuda_index = 0;
  if (text == "auto") policy.device = DeviceChoice::automatic;
  else if (text == "cpu") policy.device = DeviceChoice::cpu;
  else if (text == "cuda") policy.device = DeviceChoice::cuda;
  else if (text.starts_with("cuda:")) {
    const auto digits = text.substr(5);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), policy.cuda_index);
    if (error != std::errc() || end != digits.data() + digits.size() || policy.cuda_index < 0)
      return wrong_use("--device {}: the number after cuda: must be a device index such as 0", printable(text));
    policy.device = DeviceChoice::cuda;
  } else {
    return wrong_use("--device {}: choose auto, cpu, cuda or cuda:N", printable(text));
  }
  return {};
}

}  // namespace mxpath
