#include "checkpoint/foreign_formats.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace mxpath {
namespace {

struct Sign {
  std::string_view pattern;  // of a tensor or file name
  std::string_view what;
};

// bitsandbytes, linearised experts and others. The more telling names come first.
constexpr std::array tensor_signs = {
    Sign{"*.quant_state.bitsandbytes__*", "bitsandbytes 4-bit weights"},
    Sign{"*.absmax", "bitsandbytes 4-bit weights"},
    Sign{"*.SCB", "bitsandbytes 8-bit weights"},
    Sign{"*.qweight", "GPTQ or AWQ weights"},
    Sign{"*.weight_packed", "compressed-tensors weights"},
    Sign{"*.weight_scale_2", "NVFP4 weights"},
    Sign{"*.weight_scale_inv", "FP8 weights"},
    Sign{"*.weight_scale", "weights quantised with separate weight_scale tensors"},
    Sign{"*.experts.gate_up_projs.*", "linearised experts, one tensor each"},
    Sign{"*.lora_A.*", "a LoRA adapter, not a whole model"},
};

constexpr std::array file_signs = {
    Sign{"pytorch_model*.bin", "PyTorch pickle files"},  Sign{"*.pt", "PyTorch pickle files"}, Sign{"*.pth", "PyTorch pickle files"},
    Sign{"model.bin", "OpenAI's build for Apple Metal"}, Sign{"*.onnx", "an ONNX model"},
};

constexpr std::string_view instead =
    "mxpath reads safetensors in MXFP4 or BF16: download openai/gpt-oss-20b or unsloth/gpt-oss-20b-BF16 instead";

}  // namespace

std::optional<std::string> foreign_tensor(std::string_view name) {
  const auto sign = std::find_if(tensor_signs.begin(), tensor_signs.end(), [&](const Sign& s) { return glob_match(s.pattern, name); });
  if (sign == tensor_signs.end()) return std::nullopt;
  return fmt::format("holds {} (tensor {}); {}", sign->what, printable(name), instead);
}

std::string foreign_folder(const std::vector<std::string>& names) {
  if (names.empty()) return "the folder is empty; give one that holds config.json and model.safetensors";
  for (const auto& name : names)
    if (name.ends_with(".gguf"))
      return fmt::format("holds a GGUF file ({0}) and no safetensors; convert it with `mxpath convert {0} FOLDER --to mxfp4`",
                         printable(name));
  for (const auto& sign : file_signs)
    for (const auto& name : names)
      if (glob_match(sign.pattern, name)) return fmt::format("holds {} ({}) and no safetensors; {}", sign.what, printable(name), instead);
  if (std::binary_search(names.begin(), names.end(), "config.json"))
    return "has config.json but no *.safetensors file; repeat the download, it goes on where it stopped";
  return "no config.json and no *.safetensors file in it: not the folder of a model";
}

}  // namespace mxpath
