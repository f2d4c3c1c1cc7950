#include "plan/policy.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {
namespace {

/// "int4-g64" → INT4 in groups of 64. `held`: the formats that this knob knows; `choices`: their names, for the error.
Result<std::optional<WeightFormat>> parse_weights(Knob knob, std::string_view text, std::span<const NumberFormat> held,
                                                  std::string_view choices) {
  if (text == "as-stored") return std::optional<WeightFormat>();
  const size_t at = text.rfind("-g");
  const std::string_view columns = at == text.npos ? "" : text.substr(at + 2);
  std::string name(text.substr(0, at));
  std::ranges::replace(name, '-', '_');
  const auto format = parse_number_format(name);
  if (format == NumberFormat::tf32)
    return wrong_use("{}: TF32 is an arithmetic and not a storage format; choose {}", mention(knob, printable(text)),
                     std::ranges::count(held, NumberFormat::fp32)
                         ? fmt::format("fp32, and {} where a path computes in TF32", mention(Knob::numerics, "fast"))
                         : std::string(choices));
  const bool grouped = format == NumberFormat::int4 || format == NumberFormat::nf4;
  if (!format || !std::ranges::count(held, *format) || (at != text.npos && !grouped))
    return wrong_use("{}: not a format for these weights; choose {}", mention(knob, printable(text)), choices);
  if (columns.empty() && at == text.npos) return std::optional<WeightFormat>(*format);
  if (columns == "32" || columns == "64") return std::optional<WeightFormat>(WeightFormat(*format, columns == "32" ? 32 : 64));
  // 2880 = 45 * 64: a group of 128 would have to be padded in every row.
  return wrong_use("{}: groups have 32 or 64 columns{}", mention(knob, printable(text)),
                   columns == "128" ? "; the width of gpt-oss, 2880, is not a multiple of 128" : "");
}

}  // namespace

std::span<const std::string_view> weights_choices() {
  static constexpr std::string_view all[] = {"as-stored", "mxfp4", "fp32", "fp16",     "bf16", "fp8-e4m3",
                                             "fp8-e5m2",  "int8",  "int4", "int4-g64", "nf4",  "nf4-g32"};
  return all;
}

Status set_weights(Policy& policy, std::string_view text) {
  constexpr NumberFormat held[] = {NumberFormat::fp32,     NumberFormat::fp16,     NumberFormat::bf16,
                                   NumberFormat::fp8_e4m3, NumberFormat::fp8_e5m2, NumberFormat::int8,
                                   NumberFormat::int4,     NumberFormat::nf4,      NumberFormat::mxfp4};
  MXPATH_TRY(policy.weights, parse_weights(Knob::weights, text, held, fmt::format("one of {}", fmt::join(weights_choices(), ", "))));
  return {};
}

Status set_dense_weights(Policy& policy, std::string_view text) {
  constexpr NumberFormat held[] = {NumberFormat::bf16, NumberFormat::fp8_e4m3, NumberFormat::int8};
  MXPATH_TRY(policy.dense_weights, parse_weights(Knob::dense_weights, text, held, "as-stored, bf16, fp8-e4m3 or int8"));
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
      return wrong_use("{}: the number after cuda: must be a device index such as 0", mention(Knob::device, printable(text)));
    policy.device = DeviceChoice::cuda;
  } else {
    return wrong_use("{}: choose auto, cpu, cuda or cuda:N", mention(Knob::device, printable(text)));
  }
  return {};
}

}  // namespace mxpath
