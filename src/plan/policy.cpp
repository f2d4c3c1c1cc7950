#include "plan/policy.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "base/hint.h"
#include "base/nearest.h"
#include "base/text.h"
#include "plan/kv_layout.h"

namespace mxpath {
namespace {

/// "int4-g64" → INT4 in groups of 64. `held`: the formats that this knob knows; `words`: what may be typed; `choices`:
/// the same as the error says it.
Result<std::optional<WeightFormat>> parse_weights(Knob knob, std::string_view text, std::span<const NumberFormat> held,
                                                  std::span<const std::string_view> words, std::string_view choices) {
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
    return wrong_use("{}: not a format for these weights{}; choose {}", mention(knob, printable(text)),
                     nearest_note(text, words), choices);
  if (columns.empty() && at == text.npos) return std::optional<WeightFormat>(*format);
  if (columns == "32" || columns == "64")
    return std::optional<WeightFormat>(WeightFormat(*format, columns == "32" ? 32 : 64));
  // 2880 = 45 * 64: a group of 128 would have to be padded in every row.
  return wrong_use("{}: groups have 32 or 64 columns{}", mention(knob, printable(text)),
                   columns == "128" ? "; the width of gpt-oss, 2880, is not a multiple of 128" : "");
}

/// What stands between commas; "" has one part, which is empty.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t comma = text.find(','); comma != text.npos; comma = text.find(',')) {
    parts.push_back(text.substr(0, comma));
    text.remove_prefix(comma + 1);
  }
  parts.push_back(text);
  return parts;
}

/// People say GPU and mean what is called cuda here, which no count of letters tells.
std::string nearest_device(std::string_view text) {
  constexpr std::string_view devices[] = {"auto", "cpu", "cuda"};
  const std::string_view kind = text.substr(0, text.find_first_of(":0123456789"));
  const bool gpu = kind == "gpu" || kind == "GPU" || kind == "nvidia" || kind == "NVIDIA";
  return nearest_note(gpu ? "cuda" : kind, devices);
}

std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

bool is_uuid(std::string_view name) { return name.starts_with("GPU-") || name.starts_with("MIG-"); }

/// "cuda:1".
std::optional<DeviceId> numbered_gpu(std::string_view name) {
  if (!name.starts_with("cuda:")) return std::nullopt;
  const auto index = number_in(name.substr(5));
  return index && *index < most_gpus ? std::optional(cuda_device(*index)) : std::nullopt;
}

Result<DeviceId> gpu_with_uuid(const std::string& uuid, const Machine& machine) {
  std::vector<DeviceId> found;
  for (size_t i = 0; i < machine.gpus.size(); ++i)
    if (machine.gpus[i].uuid.starts_with(uuid)) found.push_back(cuda_device(static_cast<int>(i)));
  if (found.empty())
    return wrong_use(
        "{}: no GPU here has that UUID{}", mention(Knob::device, printable(uuid)),
        machine.visible_gpus.empty() ? "" : fmt::format(" (CUDA_VISIBLE_DEVICES={})", printable(machine.visible_gpus)));
  if (found.size() > 1)
    return wrong_use("{}: {} GPUs here have a UUID that begins so", mention(Knob::device, printable(uuid)),
                     found.size());
  return found.front();
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
  MXPATH_TRY(policy.weights, parse_weights(Knob::weights, text, held, weights_choices(),
                                           fmt::format("one of {}", fmt::join(weights_choices(), ", "))));
  return {};
}

Status set_dense_weights(Policy& policy, std::string_view text) {
  constexpr NumberFormat held[] = {NumberFormat::bf16, NumberFormat::fp8_e4m3, NumberFormat::int8};
  constexpr std::string_view words[] = {"as-stored", "bf16", "fp8-e4m3", "int8"};
  MXPATH_TRY(policy.dense_weights,
             parse_weights(Knob::dense_weights, text, held, words, "as-stored, bf16, fp8-e4m3 or int8"));
  return {};
}

Status set_kv(Policy& policy, std::string_view text) {
  constexpr std::string_view words[] = {"bf16", "fp16", "fp32", "fp8-e4m3", "int8"};
  std::string name(text);
  std::ranges::replace(name, '-', '_');
  const auto format = parse_number_format(name);
  if (!format || !std::ranges::count(kv_formats(), *format))
    return wrong_use("{}: not a format for keys and values{}; choose bf16, fp16, fp32, fp8-e4m3 or int8",
                     mention(Knob::kv, printable(text)), nearest_note(text, words));
  policy.kv = *format;
  return {};
}

Status set_device(Policy& policy, std::string_view text) {
  policy.gpus.clear();
  policy.gpu_names.clear();
  policy.device = DeviceChoice::cuda;
  if (text == "auto") policy.device = DeviceChoice::automatic;
  else if (text == "cpu") policy.device = DeviceChoice::cpu;
  if (text == "auto" || text == "cpu" || text == "cuda") return {};
  const std::vector<std::string_view> names = parts_of(text);
  for (const std::string_view name : names) {
    if (is_uuid(name)) {
      policy.gpu_names.assign(names.begin(), names.end());  // which GPU it is, only the machine knows
      continue;
    }
    if (!name.starts_with("cuda:"))
      return wrong_use(
          "{}{}: choose auto, cpu, cuda, cuda:N or a GPU's UUID; several GPUs stand side by side as in cuda:0,cuda:1",
          mention(Knob::device, printable(text)), nearest_device(name));
    const auto gpu = numbered_gpu(name);
    if (!gpu)
      return wrong_use("{}: the number after cuda: must be a device index such as 0",
                       mention(Knob::device, printable(text)));
    if (std::ranges::count(policy.gpus, *gpu))
      return wrong_use("{}: {} is there twice", mention(Knob::device, printable(text)), to_string(*gpu));
    policy.gpus.push_back(*gpu);
  }
  if (!policy.gpu_names.empty()) policy.gpus.clear();
  return {};
}

Status set_split(Policy& policy, std::string_view text) {
  policy.split.clear();
  for (const std::string_view part : parts_of(text)) {
    const auto layers = number_in(part);
    if (!layers || *layers == 0 || *layers > most_layers)
      return wrong_use("{}: give the layers of each GPU as whole numbers above 0, as in 20,16",
                       mention(Knob::split, printable(text)));
    policy.split.push_back(*layers);
  }
  return {};
}

Result<Policy> named_gpus(Policy policy, const Machine& machine) {
  for (const std::string& name : policy.gpu_names) {
    const auto numbered = numbered_gpu(name);
    MXPATH_TRY(const DeviceId gpu, numbered ? Result<DeviceId>(*numbered) : gpu_with_uuid(name, machine));
    if (std::ranges::count(policy.gpus, gpu))
      return wrong_use("{}: that GPU is there twice, it is {} here", mention(Knob::device, printable(name)),
                       to_string(gpu));
    policy.gpus.push_back(gpu);
  }
  policy.gpu_names.clear();
  return policy;
}

}  // namespace mxpath
