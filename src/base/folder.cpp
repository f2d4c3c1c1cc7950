#include "base/folder.h"

#include <algorithm>
#include <system_error>

#include "base/text.h"

namespace mxpath {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && it != end; it.increment(error))
    found.push_back(it->path());
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<std::string> dangling_link(const std::string& path) {
  std::error_code error;
  if (fs::exists(path, error) || error || !fs::is_symlink(path, error)) return std::nullopt;
  const fs::path target = fs::read_symlink(path, error);
  if (error) return std::nullopt;
  const bool cached = target.string().find("blobs/") != std::string::npos;
  return fmt::format("{} is a link to {}, which is not there: {}", printable(path, 1024),
                     printable(target.string(), 1024),
                     cached ? "copy the folder again with cp -L (rsync -L), or give the folder in the cache"
                            : "put the file there, or copy the folder again with cp -L (rsync -L)");
}

}  // namespace mxpath
