// From what a person types to a folder with a checkpoint.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace mxpath {

/// Where to look; filled from the environment by the program, so that the search itself is testable.
struct ModelPlaces {
  std::string demo;       ///< folder of the demo model
  std::string hub_cache;  ///< .../huggingface/hub
};

/// HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME or ~/.cache, then /huggingface/hub.
std::string default_hub_cache();

/// `demo`, a folder (or a file inside it: config.json, *.safetensors), or a hub name such as openai/gpt-oss-20b, looked up in the local
/// cache: models--openai--gpt-oss-20b/refs/main → snapshots/<commit>, else the newest snapshot; a name without owner finds the one cached
/// model that ends so. An existing folder wins over a hub name, `demo` over a folder of that name (./demo is the folder). Errors: an empty
/// folder, a name that is not in the cache (with the `hf download` command), an unfinished download (no snapshot, broken links).
Result<std::string> locate_model(std::string_view model, const ModelPlaces& places);

}  // namespace mxpath
