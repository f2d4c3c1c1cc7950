#include "checkpoint/foreign_stores.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/folder.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/hub_cache.h"
#include "checkpoint/inventory.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view model_layer = "application/vnd.ollama.image.model";

/// "sha256:…" of the layer that holds the weights; "" if there is none.
std::string digest_of_model(const Json& manifest) {
  if (!manifest.is_object() || !manifest.contains("layers") || !manifest["layers"].is_array()) return "";
  for (const Json& layer : manifest["layers"]) {
    if (!layer.is_object() || !layer.contains("mediaType") || layer["mediaType"] != model_layer) continue;
    if (layer.contains("digest") && layer["digest"].is_string()) return layer["digest"].get<std::string>();
  }
  return "";
}

/// The folder above `manifests`.
fs::path store_above(fs::path path) {
  while (path.has_relative_path() && path.filename() != "manifests") path = path.parent_path();
  return path.parent_path();
}

bool is_regular(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

std::string convert_command(std::string_view file) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.,:@%/";
  const std::string_view quote = file.find_first_not_of(plain) == file.npos ? "" : "'";
  return fmt::format("`mxpath convert {0}{1}{0} FOLDER --to mxfp4`", quote, printable(file, 1024));
}

bool is_gguf_file(const std::string& path) {
  if (!is_regular(path)) return false;
  char magic[4] = {};
  return std::ifstream(path, std::ios::binary).read(magic, sizeof magic) &&
         std::string_view(magic, sizeof magic) == "GGUF";
}

std::optional<std::string> file_of_ollama_manifest(const std::string& path) {
  if (path.find("/manifests/") == std::string::npos || !is_regular(path)) return std::nullopt;
  const auto text = read_text_file(path, 1 << 20);
  if (!text.ok()) return std::nullopt;
  const auto json = parse_json(*text, path);
  std::string digest = json.ok() ? digest_of_model(*json) : "";
  std::replace(digest.begin(), digest.end(), ':', '-');
  if (digest.empty() || digest.find('/') != std::string::npos) return std::nullopt;
  return (store_above(path) / "blobs" / digest).string();
}

std::optional<std::string> ollama_file(const std::vector<std::string>& stores, std::string_view name,
                                       std::string_view tag) {
  for (const auto& store : stores)
    if (auto file =
            file_of_ollama_manifest((fs::path(store) / "manifests" / "registry.ollama.ai" / name / tag).string()))
      return file;
  return std::nullopt;
}

std::optional<std::string> lmstudio_folder(const std::vector<std::string>& stores, std::string_view name) {
  for (const auto& store : stores)
    if (const fs::path folder = fs::path(store) / name; name.find('/') != name.npos && is_folder(folder))
      return folder.string();
  return std::nullopt;
}

std::optional<std::string> store_of_models(const std::string& folder) {
  const fs::path path(folder);
  if (is_folder(path / "blobs") && is_folder(path / "manifests"))
    return fmt::format("the store of Ollama, not a model; give the file of one in its folder blobs to {}",
                       convert_command("FILE"));
  const fs::path cache = is_folder(path / "hub") ? path / "hub" : path;
  if (const auto names = cached_models(cache); !names.empty())
    return fmt::format("a Hugging Face cache, not a model; name one of the models in it: {}", some_of(names));
  return std::nullopt;
}

}  // namespace mxpath
