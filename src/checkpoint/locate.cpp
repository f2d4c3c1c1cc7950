#include "checkpoint/locate.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/environment.h"
#include "base/expand_path.h"
#include "base/folder.h"
#include "base/nearest.h"
#include "base/text.h"
#include "checkpoint/folder_signs.h"
#include "checkpoint/foreign_stores.h"
#include "checkpoint/hub_cache.h"
#include "checkpoint/inventory.h"
#include "checkpoint/model_name.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

std::string shown(std::string_view path) { return printable(path, 1024); }

/// The hub's name for the models that Ollama distributes; "" for others.
std::string hub_name_of_ollama(const ModelName& name) {
  if (name.name != "library/gpt-oss") return "";
  if (name.revision == "20b" || name.revision == "latest") return "openai/gpt-oss-20b";
  return name.revision == "120b" ? "openai/gpt-oss-120b" : "";
}

/// "…; the variable NAME is not set" for a path in which the environment had nothing to say.
std::string unset_variable(std::string_view path) {
  const size_t dollar = path.find('$');
  if (dollar == path.npos) return path.starts_with('~') ? ", and there is no such home folder" : "";
  const size_t begin = dollar + (path.substr(dollar).starts_with("${") ? 2 : 1);
  return fmt::format(", and the variable {} is not set",
                     shown(path.substr(begin, path.find_first_of("/}", begin) - begin)));
}

class Search {
 public:
  Search(std::string_view typed, const ModelPlaces& places) : typed_(typed), places_(places) {}

  Result<LocatedModel> by_name(const ModelName& name) const {
    switch (name.kind) {
      case ModelName::Kind::hub: return in_cache(name.name, name.revision);
      case ModelName::Kind::ollama: return of_ollama(name);
      case ModelName::Kind::problem: return fail("{}: {}", shown(typed_), name.name);
      case ModelName::Kind::none: break;
    }
    return fail("{}: no such folder{}", shown(typed_), unset_variable(typed_));
  }

  /// A folder of a hub cache stands for its model; every other one for itself.
  Result<LocatedModel> by_folder(const std::string& folder) const {
    std::error_code error;
    fs::path path = fs::absolute(folder, error).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    const std::string last = path.filename().string();
    if (is_repository(path)) return snapshot_of(path, "");
    if ((last == "snapshots" || last == "refs" || last == "blobs") && is_repository(path.parent_path()))
      return snapshot_of(path.parent_path(), "");
    MXPATH_TRY(const auto names, list_folder(folder));
    if (names.empty()) return fail("{}: {}", shown(folder), no_weights(folder, names));
    if (const auto store = has_weights(names) ? std::nullopt : store_of_models(folder))
      return fail("{}: {}", shown(folder), *store);
    return LocatedModel{folder, {}};
  }

  /// A file inside a checkpoint stands for its folder.
  Result<LocatedModel> by_file(const fs::path& file) const {
    const std::string name = file.filename().string();
    if (is_weights_name(name) || name == "config.json") {
      const fs::path folder = file.parent_path();
      return LocatedModel{folder.empty() ? std::string(".") : folder.string(), {}};
    }
    if (is_adapter_name(name)) return by_folder(file.parent_path().empty() ? "." : file.parent_path().string());
    if (name.ends_with(".gguf") || is_gguf_file(file.string()))
      return fail("{}: a GGUF file, which mxpath does not run as it is; make a folder of it with {}",
                  shown(file.string()), convert_command(file.string()));
    if (const auto blob = file_of_ollama_manifest(file.string()))
      return fail("{}: Ollama's description of a model, whose weights are a GGUF file; make a folder of it with {}",
                  shown(file.string()), convert_command(*blob));
    if (const auto repository = repository_around(file)) return snapshot_of(*repository, "");
    return fail("{}: not a model; give a folder with config.json and *.safetensors, or one of these files",
                shown(file.string()));
  }

 private:
  static bool is_repository(const fs::path& path) {
    return name_of_repository(path.filename().string()) && is_folder(path / "snapshots");
  }

  /// The repository that a file in blobs or refs belongs to.
  static std::optional<fs::path> repository_around(const fs::path& file) {
    std::error_code error;
    fs::path path = fs::absolute(file, error).lexically_normal().parent_path();
    for (int up = 0; up < 4; ++up, path = path.parent_path())
      if (is_repository(path)) return path;
    return std::nullopt;
  }

  std::string cache_text() const {
    return shown(places_.hub_cache) +
           (places_.hub_cache_variable.empty() ? "" : fmt::format(" (from {})", places_.hub_cache_variable));
  }

  Result<LocatedModel> in_cache(const std::string& name, const std::string& revision) const {
    if (const auto repository = cached_repository(places_.hub_cache, name)) return snapshot_of(*repository, revision);
    if (const auto like = cached_models_like(places_.hub_cache, name); like.size() > 1)
      return fail(
          "{}: more than one model in the Hugging Face cache {} could be meant: {}; write the one you want as it is "
          "written there",
          shown(typed_), cache_text(), some_of(like));
    const std::string owned =
        name.find('/') == std::string::npos && name.starts_with("gpt-oss-") ? "openai/" + name : name;
    if (const auto folder = lmstudio_folder(places_.lmstudio_stores, owned))
      return fail("{}: not in the Hugging Face cache {}, but in LM Studio's store; make a folder of it with {}",
                  shown(typed_), cache_text(), convert_command(*folder));
    const std::string like = nearest_model(owned);
    return fail(
        "{}: neither a folder nor a model in the Hugging Face cache {}{}; {}get it with `{}`, or give the folder it is "
        "in{}",
        shown(typed_), cache_text(), like, like.empty() ? "" : "if another one is meant, ",
        download_command(owned, revision), what_is_in_it(owned));
  }

  /// Of those that are here: whoever misspells one need not fetch it. OpenAI's own names are spelled right.
  std::string nearest_model(const std::string& name) const {
    if (name == "openai/gpt-oss-20b" || name == "openai/gpt-oss-120b") return "";
    const std::vector<std::string> cached = cached_models(places_.hub_cache);
    std::vector<std::string_view> names = {"demo"};
    names.insert(names.end(), cached.begin(), cached.end());
    return nearest_note(name, names);
  }

  /// Files that must be converted first, by the name that their owners give them.
  static std::string what_is_in_it(const std::string& name) {
    return name.ends_with("-GGUF") ? "; it holds GGUF files, of which `mxpath convert` makes a folder that runs" : "";
  }

  Result<LocatedModel> of_ollama(const ModelName& name) const {
    const std::string hub = hub_name_of_ollama(name);
    if (const auto repository = hub.empty() ? std::nullopt : cached_repository(places_.hub_cache, hub)) {
      MXPATH_TRY(LocatedModel model, snapshot_of(*repository, ""));
      model.decisions.insert(
          model.decisions.begin(),
          fmt::format("{} is Ollama's name of {}, which is taken from the Hugging Face cache", shown(typed_), hub));
      return model;
    }
    if (const auto file = ollama_file(places_.ollama_stores, name.name, name.revision))
      return fail("{}: a model of Ollama, a GGUF file on this computer; make a folder of it with {}", shown(typed_),
                  convert_command(*file));
    if (hub.empty())
      return fail(
          "{}: named as a model of Ollama, which has none of this name here; give a folder, or a name such as "
          "openai/gpt-oss-20b",
          shown(typed_));
    return fail(
        "{}: Ollama's name of {}, which is neither in its store nor in the Hugging Face cache {}; get it with `{}`",
        shown(typed_), hub, cache_text(), download_command(hub));
  }

  std::string_view typed_;
  const ModelPlaces& places_;
};

std::string joined(const std::string& folder, const char* below) { return (fs::path(folder) / below).string(); }

}  // namespace

HubCache default_hub_cache() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (const auto cache = environment_variable(name); !cache.empty()) return {expanded(cache), name};
  if (const auto home = environment_variable("HF_HOME"); !home.empty())
    return {joined(expanded(home), "hub"), "HF_HOME"};
  if (const auto xdg = environment_variable("XDG_CACHE_HOME"); !xdg.empty())
    return {joined(expanded(xdg), "huggingface/hub"), "XDG_CACHE_HOME"};
  return {joined(home_folder(), ".cache/huggingface/hub"), ""};
}

std::vector<std::string> default_ollama_stores() {
  std::vector<std::string> stores = {joined(home_folder(), ".ollama/models"), "/usr/share/ollama/.ollama/models"};
  if (const auto given = environment_variable("OLLAMA_MODELS"); !given.empty())
    stores.insert(stores.begin(), expanded(given));
  return stores;
}

std::vector<std::string> default_lmstudio_stores() {
  return {joined(home_folder(), ".lmstudio/models"), joined(home_folder(), ".cache/lm-studio/models")};
}

Result<LocatedModel> locate(std::string_view model, const ModelPlaces& places) {
  if (model.empty()) return wrong_use("no model is named; give a folder, a name such as openai/gpt-oss-20b, or demo");
  if (model == "demo") {
    if (is_folder(places.demo)) return LocatedModel{places.demo, {}};
    return fail("demo: its folder {} is not there; it comes with the source of mxpath, in models/demo",
                shown(places.demo));
  }
  const std::string text = expanded_unless_there(model.starts_with("file://") ? model.substr(7) : model);
  const Search search(text, places);
  std::error_code error;
  const auto status = fs::status(fs::path(text), error);
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    return fail("{}: cannot be looked at: {}", shown(text), error.message());
  if (fs::is_directory(status)) return search.by_folder(text);
  if (fs::exists(status)) return search.by_file(text);
  if (const auto dangling = dangling_link(text)) return fail("{}", *dangling);
  return search.by_name(model_name(text));
}

Result<std::string> locate_model(std::string_view model, const ModelPlaces& places) {
  MXPATH_TRY(LocatedModel located, locate(model, places));
  return std::move(located.folder);
}

}  // namespace mxpath
