#include "app/model_shape.h"

#include <filesystem>

#include "base/expand_path.h"
#include "base/folder.h"
#include "base/hint.h"
#include "base/nearest.h"
#include "base/text.h"
#include "checkpoint/random_checkpoint.h"
#include "formats/mxfp4.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

struct NamedShape {
  std::string_view name;
  ModelConfig (*config)();
};
constexpr NamedShape shapes[] = {{"20b", gpt_oss_20b_config}, {"120b", gpt_oss_120b_config}, {"tiny", tiny_config}};

}  // namespace

Result<ModelConfig> model_shape(std::string_view shape, const ModelPlaces& places) {
  for (const NamedShape& named : shapes)
    if (shape == named.name) return named.config();
  if (shape == "demo") return read_config_file((fs::path(places.demo) / "config.json").string());
  std::error_code ignored;
  const fs::path path(expanded_unless_there(shape));
  if (is_folder(path)) return read_config_file((path / "config.json").string());
  if (shape.ends_with(".json") || fs::exists(fs::symlink_status(path, ignored))) return read_config_file(path.string());
  std::vector<std::string_view> names = {"demo"};
  for (const NamedShape& named : shapes) names.push_back(named.name);
  return wrong_use("{}{}: choose 20b, 120b, demo, tiny, or give a config.json", mention(Knob::shape, printable(shape)),
                   nearest_note(shape, names));
}

Result<Manifest> promised_manifest(ModelConfig config, StoredExperts stored, std::string_view name) {
  if (stored != StoredExperts::as_config) config.quantized_mxfp4 = stored == StoredExperts::mxfp4;
  Manifest manifest = manifest_from_config(config, name);
  if (stored == StoredExperts::mxfp4 && manifest.layout != CheckpointLayout::hugging_face_mxfp4)
    return wrong_use("{}: hidden {} and intermediate {} must be multiples of {}; choose {}",
                     mention(Knob::stored, "mxfp4"), config.hidden, config.intermediate, mxfp4_block,
                     mention(Knob::stored, "bf16"));
  return manifest;
}

}  // namespace mxpath
