// What a folder is, told by the names in it, where it is not simply a model.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxpath {

/// `name` is that of weights which mxpath reads: a safetensors file that is no adapter's, or the index of several.
bool is_weights_name(std::string_view name);
bool is_adapter_name(std::string_view name);
bool has_weights(const std::vector<std::string>& names);

/// What lies in a folder that has no weights which mxpath reads, and the way out, as the end of a sentence: an adapter,
/// training state, the files of another runtime, a model one folder deeper. Nothing if there is no sign of any. `names`
/// is list_folder's answer.
std::optional<std::string> foreign_folder(const std::string& folder, const std::vector<std::string>& names);
/// The same, and what to say if there is none: empty, a config alone, something else.
std::string no_weights(const std::string& folder, const std::vector<std::string>& names);

/// "for openai/gpt-oss-20b", as adapter_config.json says; "" if it does not.
std::string adapter_base(const std::string& folder);

/// Whether the files came from a hub: links into a cache, a cache's own folder, or what its tool leaves beside them.
/// Only then a download can be repeated.
bool was_downloaded(const std::string& folder, const std::vector<std::string>& names);

/// The sentence for a file of a model in this folder that is a link to what is not there; nothing if there is none.
std::optional<std::string> dangling_file(const std::string& folder, const std::vector<std::string>& names);

}  // namespace mxpath
