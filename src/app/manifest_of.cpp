#include "app/manifest_of.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "checkpoint/folder_signs.h"
#include "checkpoint/inventory.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

bool holds_weights(const std::string& folder) {
  const auto names = list_folder(folder);
  return names.ok() && std::any_of(names->begin(), names->end(), [](const std::string& name) {
           return is_weights_name(name) && name != shard_index_name;
         });
}

/// The config.json of a folder that holds no weights, an index of them perhaps; "" otherwise.
std::string lone_config(const std::string& folder) {
  const fs::path config = fs::path(folder) / "config.json";
  std::error_code ignored;
  const bool there = fs::exists(fs::symlink_status(config, ignored));
  return there && !holds_weights(folder) && !holds_weights((fs::path(folder) / "original").string()) ? config.string()
                                                                                                     : "";
}

Result<Manifest> open_or_promise(const std::string& folder) {
  const std::string config = lone_config(folder);
  if (config.empty()) return open_manifest(folder);
  MXPATH_TRY(const auto names, list_folder(folder));
  if (const auto foreign = foreign_folder(folder, names)) return fail("{}: {}", printable(folder, 1024), *foreign);
  MXPATH_TRY(const ModelConfig parsed, read_config_file(config));
  return manifest_from_config(parsed, config);
}

}  // namespace

Result<Manifest> manifest_of(std::string_view model, const ModelPlaces& places) {
  MXPATH_TRY(LocatedModel located, locate(model, places));
  MXPATH_TRY(Manifest manifest, open_or_promise(located.folder));
  manifest.decisions.insert(manifest.decisions.begin(), located.decisions.begin(), located.decisions.end());
  return manifest;
}

}  // namespace mxpath
