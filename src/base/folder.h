// Questions about folders that cannot fail: what cannot be read is not there.
#pragma once
#include <filesystem>
#include <vector>

namespace mxpath {

bool is_folder(const std::filesystem::path& path);

/// What is in a folder, sorted; as far as it can be read.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder);

}  // namespace mxpath
