#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "checkpoint/choose_weights.h"
#include "checkpoint/folder_signs.h"
#include "checkpoint/foreign_formats.h"
#include "checkpoint/inventory.h"
#include "checkpoint/manifest.h"
#include "checkpoint/roles.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

/// The folder with the weights: the one given, or the `original` inside it when only that has any.
Result<std::string> weights_folder(const std::string& folder) {
  MXPATH_TRY(const auto names, list_folder(folder));
  if (has_weights(names)) return folder;
  const std::string original = (fs::path(folder) / "original").string();
  if (const auto inside = list_folder(original); inside.ok() && has_weights(*inside)) return original;
  return fail("{}: {}", printable(folder, 1024), no_weights(folder, names));
}

Result<ModelConfig> read_config(const std::string& weights, const std::string& folder) {
  std::string path = (fs::path(weights) / "config.json").string();
  std::error_code ignored;
  // `hf download --include "original/*.safetensors"` leaves the only config.json one level up.
  if (!fs::exists(fs::symlink_status(path, ignored)) && weights != folder)
    path = (fs::path(folder) / "config.json").string();
  if (!fs::exists(fs::symlink_status(path, ignored)))
    return fail("{}: there is no config.json beside the weights; put the model's into the same folder",
                printable(folder, 1024));
  return read_config_file(path);
}

/// What a checkpoint is of another runtime goes before what is wrong with its config.
Error config_error(Error error, const std::string& weights, const std::vector<std::string>& names) {
  WeightFiles files(weights, names);
  const auto inventory = files.together(files.names());
  if (!inventory.ok()) return error;
  if (const auto foreign = foreign_headers(*inventory)) return fail("{}: {}", printable(weights, 1024), *foreign);
  return error;
}

}  // namespace

Result<Manifest> open_manifest(const std::string& folder) {
  MXPATH_TRY(const std::string weights, weights_folder(folder));
  for (const std::string& place : {folder, weights}) {
    MXPATH_TRY(const auto names, list_folder(place));
    if (const auto dangling = dangling_file(place, names)) return fail("{}", *dangling);
  }
  MXPATH_TRY(const auto names, list_folder(weights));
  auto config = read_config(weights, folder);
  if (!config.ok()) return config_error(std::move(config).error(), weights, names);
  return choose_weights(weights, names, *config);
}

const TensorRecord* Manifest::find(Role role, int layer) const {
  // Where roles_of puts it; a search for each of 20 roles in each layer would be quadratic in the layers.
  const auto first = static_cast<size_t>(Role::attention_norm), per_layer = role_rows().size() - first;
  const size_t place = layer < 0 ? 0 : 1 + static_cast<size_t>(layer) * per_layer + static_cast<size_t>(role) - first;
  if (place < tensors.size() && tensors[place].role == role && tensors[place].layer == layer) return &tensors[place];
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const TensorRecord& t) { return t.role == role && t.layer == layer; });
  return found == tensors.end() ? nullptr : &*found;
}

}  // namespace mxpath
