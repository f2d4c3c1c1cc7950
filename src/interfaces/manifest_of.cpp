#include "interfaces/manifest_of.h"

#include <algorithm>
#include <filesystem>

namespace mxpath {
namespace {

namespace fs = std::filesystem;

bool has_weights(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".safetensors") return true;
  }
  return false;
}

/// The config.json of a folder that holds no weights, an index of them perhaps; "" otherwise.
std::string lone_config(const std::string& folder) {
  const fs::path config = fs::path(folder) / "config.json";
  std::error_code ignored;
  const bool lone = fs::exists(config, ignored) && !has_weights(folder) && !has_weights(fs::path(folder) / "original");
  return lone ? config.string() : "";
}

}  // namespace

Result<Manifest> manifest_of(std::string_view model, const ModelPlaces& places) {
  MXPATH_TRY(const std::string folder, locate_model(model, places));
  const std::string config = lone_config(folder);
  if (config.empty()) return open_manifest(folder);
  MXPATH_TRY(const ModelConfig parsed, read_config_file(config));
  return manifest_from_config(parsed, config);
}

}  // namespace mxpath
