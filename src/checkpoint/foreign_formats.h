// Checkpoint formats that mxpath does not read, told by what gives them away.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxpath {

/// What to say about a tensor name of a foreign quantisation ("bitsandbytes 4-bit weights; download … instead"); nothing if it is none.
std::optional<std::string> foreign_tensor(std::string_view name);
/// What to say about a folder that has no safetensors weights, from the names of its files.
std::string foreign_folder(const std::vector<std::string>& names);

}  // namespace mxpath
