#include "convert/companions.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/json.h"
#include "base/text.h"
#include "checkpoint/write_config.h"

namespace mxpath::convert {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 12> companion_names = {
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",      "vocab.json",
    "merges.txt",     "chat_template.jinja",   "chat_template.json",      "generation_config.json", "LICENSE",
    "NOTICE",         "USAGE_POLICY"};

bool is_hub_config(const Json& json) { return json.contains("model_type") || json.contains("architectures"); }

/// The quantization_config of the published checkpoints.
Json quantization_of(const ModelConfig& config) {
  ModelConfig quantized = config;
  quantized.quantized_mxfp4 = true;
  return Json::parse(hub_config_json(quantized))["quantization_config"];
}

Result<std::string> mended_config(const Source& source, bool mxfp4) {
  ModelConfig config = source.config;
  config.quantized_mxfp4 = mxfp4;
  if (source.kind == SourceKind::gguf) return hub_config_json(config);
  MXPATH_TRY(const std::string text, read_config_text(source.config_path));
  MXPATH_TRY(Json json, parse_json(text, source.config_path));
  if (!is_hub_config(json)) return hub_config_json(config);
  if (!mxfp4) json.erase("quantization_config");
  else if (!json.contains("quantization_config")) json["quantization_config"] = quantization_of(config);
  return json.dump(2) + "\n";
}

}  // namespace

Result<std::string> target_config(const Source& source, CheckpointLayout target) {
  if (target != CheckpointLayout::openai_original)
    return mended_config(source, target == CheckpointLayout::hugging_face_mxfp4);
  return original_config_json(source.config);
}

std::string original_dtypes_json(const std::vector<SafetensorsItem>& items) {
  Json json = Json::object();
  for (const auto& item : items)
    json[item.name] = item.name.ends_with(".blocks")   ? "FP4"
                      : item.name.ends_with(".scales") ? "UE8"
                                                       : std::string(name_of(item.dtype));
  return json.dump() + "\n";
}

std::vector<std::string> companion_files(const Source& source) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const std::string_view name : companion_names)
    for (const auto& folder : {source.weights_folder, source.companion_folder}) {
      const fs::path path = fs::path(folder) / name;
      if (!fs::exists(fs::symlink_status(path, ignored))) continue;
      found.push_back(path.string());
      break;
    }
  return found;
}

bool is_companion_name(std::string_view name) {
  return std::find(companion_names.begin(), companion_names.end(), name) != companion_names.end();
}

}  // namespace mxpath::convert
