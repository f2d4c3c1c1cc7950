#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "checkpoint/foreign_formats.h"
#include "checkpoint/inventory.h"
#include "checkpoint/manifest.h"
#include "checkpoint/match_roles.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

bool has_weights(const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.front() != '.' && (name.ends_with(".safetensors") || name == "model.safetensors.index.json");
  });
}

/// The folder with the weights: the one given, or the `original` inside it when only that has any.
Result<std::string> weights_folder(const std::string& folder) {
  MXPATH_TRY(const auto names, list_folder(folder));
  if (has_weights(names)) return folder;
  const std::string original = (fs::path(folder) / "original").string();
  if (const auto inside = list_folder(original); inside.ok() && has_weights(*inside)) return original;
  return fail("{}: {}", folder, foreign_folder(names));
}

Result<ModelConfig> read_config(const std::string& weights, const std::string& folder) {
  std::string path = (fs::path(weights) / "config.json").string();
  std::error_code ignored;
  // `hf download --include "original/*.safetensors"` leaves the only config.json one level up.
  if (!fs::exists(fs::symlink_status(path, ignored)) && weights != folder) path = (fs::path(folder) / "config.json").string();
  if (!fs::exists(fs::symlink_status(path, ignored)))
    return fail("{}: there is no config.json beside the weights; download it into the same folder", folder);
  return read_config_file(path);
}

}  // namespace

Result<Manifest> open_manifest(const std::string& folder) {
  MXPATH_TRY(const std::string weights, weights_folder(folder));
  MXPATH_TRY(ModelConfig config, read_config(weights, folder));
  MXPATH_TRY(const auto names, list_folder(weights));
  MXPATH_TRY(Inventory inventory, take_inventory(weights, names));
  return match_roles(std::move(inventory), std::move(config));
}

const TensorRecord* Manifest::find(Role role, int layer) const {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const TensorRecord& t) { return t.role == role && t.layer == layer; });
  return found == tensors.end() ? nullptr : &*found;
}

}  // namespace mxpath
