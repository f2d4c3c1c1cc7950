// Models that other programs keep on this computer, found so that the command that converts them can be named.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxpath {

/// "`mxpath convert FILE FOLDER --to mxfp4`"
std::string convert_command(std::string_view file);

bool is_gguf_file(const std::string& path);

/// The GGUF file of a model in one of Ollama's stores: "library/gpt-oss", "20b".
std::optional<std::string> ollama_file(const std::vector<std::string>& stores, std::string_view name,
                                       std::string_view tag);
/// The GGUF file that one of Ollama's manifests names; nothing if `path` is no manifest.
std::optional<std::string> file_of_ollama_manifest(const std::string& path);
/// The folder OWNER/NAME in one of LM Studio's stores.
std::optional<std::string> lmstudio_folder(const std::vector<std::string>& stores, std::string_view name);

/// What a folder is that belongs to a store, as the end of a sentence: the store of Ollama, a whole hub cache; nothing
/// for others.
std::optional<std::string> store_of_models(const std::string& folder);

}  // namespace mxpath
