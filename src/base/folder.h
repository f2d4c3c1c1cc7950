// Questions about folders that cannot fail: what cannot be read is not there.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mxpath {

bool is_folder(const std::filesystem::path& path);

/// What is in a folder, sorted; as far as it can be read.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder);

/// The sentence for a link to something that is not there, as a folder copied out of a hub cache is full of; nothing
/// for all else.
std::optional<std::string> dangling_link(const std::string& path);

}  // namespace mxpath
