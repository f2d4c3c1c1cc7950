// From what a person types to a folder with a checkpoint.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mxpath {

/// Where to look; filled from the environment by the program, so that the search itself is testable.
struct ModelPlaces {
  std::string demo;                               ///< folder of the demo model
  std::string hub_cache;                          ///< .../huggingface/hub
  std::string hub_cache_variable = {};            ///< the variable of the environment that said so; "": none did
  std::vector<std::string> ollama_stores = {};    ///< folders with blobs and manifests
  std::vector<std::string> lmstudio_stores = {};  ///< folders with OWNER/NAME
};

struct HubCache {
  std::string folder, variable;
};
/// As the hub's own library finds it: HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else HF_HOME/hub, else
/// XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub; ~, ~user, $NAME and ${NAME} in them are expanded.
HubCache default_hub_cache();
/// Where Ollama ($OLLAMA_MODELS, the user's, the service's) and LM Studio keep their models.
std::vector<std::string> default_ollama_stores();
std::vector<std::string> default_lmstudio_stores();

struct LocatedModel {
  std::string folder;
  std::vector<std::string> decisions;  ///< as Manifest::decisions
};

/// `demo`, a folder (or a file inside it: config.json, *.safetensors), or a hub name such as openai/gpt-oss-20b, looked
/// up in the local cache: models--openai--gpt-oss-20b/refs/main → snapshots/<commit>, else the newest snapshot that is
/// a whole model; a name without owner finds the one cached model that ends so. A name may be that of its page
/// (https://huggingface.co/…, hf.co/…), of its folder in a cache or one in that, end in a slash or in @REVISION;
/// gpt-oss:20b and gpt-oss:120b are openai's. A leading ~ and $NAME in a path are expanded. An existing folder wins
/// over a hub name, `demo` over a folder of that name (./demo is the folder). Errors: an empty folder, a name that is
/// not in the cache (with the `hf download` command), an unfinished download (no snapshot, broken links), names and
/// files of other programs (with the command that converts or fetches).
Result<LocatedModel> locate(std::string_view model, const ModelPlaces& places);
/// The folder alone.
Result<std::string> locate_model(std::string_view model, const ModelPlaces& places);

}  // namespace mxpath
