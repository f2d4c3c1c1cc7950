#include "checkpoint/foreign_formats.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"

namespace mxpath {
namespace {

/// What to do about a format. The owner of a fine-tune has nothing from a download of OpenAI's weights.
enum class WayOut : uint8_t { download, dequantise, fuse, merge };

constexpr std::string_view sentence(WayOut way) {
  switch (way) {
    case WayOut::download:
      return "mxpath reads safetensors in MXFP4 or BF16: download openai/gpt-oss-20b or unsloth/gpt-oss-20b-BF16 "
             "instead, or, if it is a "
             "fine-tune of your own, save it in BF16 with the tool that made it";
    case WayOut::dequantise:
      return "mxpath reads safetensors in MXFP4 or BF16: load it with transformers, call model.dequantize() and "
             "save_pretrained() (a "
             "fine-tune), or download openai/gpt-oss-20b instead";
    case WayOut::fuse:
      return "mxpath reads the experts of a layer as one tensor, experts.gate_up_proj [experts, in, out]: save the "
             "model again in the "
             "fused form with the tool that wrote it (Unsloth: save_pretrained_merged with "
             "save_method=\"merged_16bit\")";
    case WayOut::merge:
      return "mxpath runs whole models: merge the adapter into its base model first (PEFT: merge_and_unload(), then "
             "save_pretrained())";
  }
  return "";
}

struct Sign {
  std::string_view pattern;  // of a tensor's name
  std::string_view what;
  WayOut way = WayOut::download;
};

// The more telling names come first.
constexpr std::array tensor_signs = {
    Sign{"*.quant_state.bitsandbytes__*", "bitsandbytes 4-bit weights", WayOut::dequantise},
    Sign{"*.absmax", "bitsandbytes 4-bit weights", WayOut::dequantise},
    Sign{"*.SCB", "bitsandbytes 8-bit weights", WayOut::dequantise},
    Sign{"*.qweight", "GPTQ or AWQ weights"},
    Sign{"*.q_weight", "weights quantised for ExLlamaV2 (EXL2)"},
    Sign{"*.trellis", "weights quantised for ExLlamaV3 (EXL3)"},
    Sign{"*.W_q", "HQQ weights"},
    Sign{"*.weight_packed", "compressed-tensors weights"},
    Sign{"*.weight_scale_2", "NVFP4 weights"},
    Sign{"*.weight_scale_inv", "FP8 weights"},
    Sign{"*.weight_scale", "weights quantised with separate weight_scale tensors"},
    Sign{"*.experts.gate_up_projs.*", "linearised experts, one tensor each", WayOut::fuse},
    Sign{"*.experts.down_projs.*", "linearised experts, one tensor each", WayOut::fuse},
    Sign{"*.lora_A.*", "a LoRA adapter, not a whole model", WayOut::merge},
};

/// Names that config.json's quant_method may have.
struct Method {
  std::string_view name, what;
  WayOut way = WayOut::download;
};
constexpr std::array methods = {
    Method{"awq", "AWQ weights"},
    Method{"gptq", "GPTQ weights"},
    Method{"bitsandbytes", "bitsandbytes weights", WayOut::dequantise},
    Method{"compressed-tensors", "compressed-tensors weights"},
    Method{"exl2", "weights quantised for ExLlamaV2 (EXL2)"},
    Method{"exl3", "weights quantised for ExLlamaV3 (EXL3)"},
    Method{"hqq", "HQQ weights"},
    Method{"mlx", "weights quantised for Apple's MLX"},
    Method{"fp8", "FP8 weights"},
    Method{"modelopt", "weights quantised by NVIDIA ModelOpt"},
    Method{"quark", "weights quantised by AMD Quark"},
    Method{"torchao", "weights quantised by torchao", WayOut::dequantise},
};

constexpr std::string_view mlx = "weights quantised for Apple's MLX";

std::string told(std::string_view what, std::string_view evidence, WayOut way) {
  return fmt::format("holds {} ({}); {}", what, evidence, sentence(way));
}

/// MLX packs the codes of a matrix into words of 32 bits, which nothing else in a gpt-oss has.
bool is_packed_word(std::string_view name, const SafetensorsEntry& entry) {
  return entry.dtype == Dtype::u32 && name.ends_with(".weight");
}

bool is_of_adapter(std::string_view name) { return name.find(".lora_") != std::string_view::npos; }
bool is_of_model(std::string_view name) {
  return !is_of_adapter(name) &&
         (name.starts_with("model.") || name.starts_with("lm_head.") || name.starts_with("block.") ||
          name.starts_with("embedding.") || name.starts_with("unembedding."));
}

const Json* object_at(const Json& config, const char* name) {
  const auto found = config.find(name);
  return found != config.end() && found->is_object() ? &*found : nullptr;
}

/// Whether mlx-lm wrote it: it says how many bits, in groups of how many, and no method.
bool is_mlx(const Json* quantization) {
  return quantization && !quantization->contains("quant_method") && quantization->contains("group_size") &&
         quantization->contains("bits");
}

}  // namespace

std::optional<std::string> foreign_tensor(std::string_view name) {
  const auto sign = std::find_if(tensor_signs.begin(), tensor_signs.end(),
                                 [&](const Sign& s) { return glob_match(s.pattern, name); });
  if (sign == tensor_signs.end()) return std::nullopt;
  return told(sign->what, fmt::format("tensor {}", printable(name)), sign->way);
}

std::optional<std::string> foreign_headers(const Inventory& inventory) {
  for (const auto& header : inventory.headers)
    if (const auto format = header->metadata.find("format");
        format != header->metadata.end() && format->second == "mlx")
      return told(mlx, "__metadata__ says so", WayOut::download);
  for (const auto& [name, tensor] : inventory.tensors) {
    if (is_packed_word(name, *tensor.entry))
      return told(mlx, fmt::format("tensor {} in U32", printable(name)), WayOut::download);
    if (auto foreign = foreign_tensor(name)) return foreign;
  }
  return std::nullopt;
}

std::optional<std::string> foreign_config(const Json& config) {
  if (!config.is_object()) return std::nullopt;
  if (is_mlx(object_at(config, "quantization")) || is_mlx(object_at(config, "quantization_config")))
    return told(mlx, "its quantization has bits and group_size", WayOut::download);
  const Json* quantization = object_at(config, "quantization_config");
  const auto name = quantization ? quantization->find("quant_method") : config.end();
  if (!quantization || name == quantization->end() || !name->is_string()) return std::nullopt;
  const auto method = std::find_if(methods.begin(), methods.end(),
                                   [&](const Method& m) { return m.name == name->get_ref<const std::string&>(); });
  if (method == methods.end()) return std::nullopt;
  return told(method->what, fmt::format("quantization_config.quant_method is \"{}\"", method->name), method->way);
}

bool is_adapter(const SafetensorsHeader& header) {
  const auto any = [&](bool (*is)(std::string_view)) {
    return std::any_of(header.entries.begin(), header.entries.end(),
                       [&](const SafetensorsEntry& entry) { return is(entry.name); });
  };
  return any(is_of_adapter) && !any(is_of_model);
}

}  // namespace mxpath
