#include "checkpoint/system_file.h"

#include <cerrno>
#include <cstring>

#include "base/folder.h"
#include "base/text.h"

namespace mxpath {

Error open_error(const std::string& path, int code) {
  if (code == ENOENT)
    if (auto dangling = dangling_link(path)) return fail("{}", *dangling);
  if (code == ENOENT) return fail("{}: no such file", path);
  if (code == EACCES || code == EPERM) return fail("{}: no permission to read it; check the owner and mode of the file", path);
  return fail("{}: cannot be opened: {}", path, std::strerror(code));
}

}  // namespace mxpath
