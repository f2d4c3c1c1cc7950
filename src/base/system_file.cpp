#include "base/system_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/folder.h"
#include "base/one_line.h"
#include "base/text.h"

namespace mxpath {
namespace {

constexpr int flags =
    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;  // opening a pipe without O_NONBLOCK waits for its other end
constexpr auto patience = std::chrono::seconds(1);

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

bool is_regular(mode_t mode) { return S_ISREG(mode); }
bool is_input(mode_t mode) { return S_ISREG(mode) || S_ISFIFO(mode); }

struct Opened {
  SystemFile file;
  struct stat info;
};

/// Looks before it opens, because opening some devices does something, and afterwards, because another file may have
/// come in between.
Result<Opened> open_checked(const std::string& path, bool (*good)(mode_t)) {
  const auto wrong = [&](mode_t mode) {
    return fail("{}: not a regular file but {}; give a file", path, kind_of(mode));
  };
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return open_error(path, errno);
  if (!good(info.st_mode)) return wrong(info.st_mode);
  SystemFile file(::open(path.c_str(), flags));
  if (file.fd() < 0) return open_error(path, errno);
  if (::fstat(file.fd(), &info) != 0) return fail("{}: its size cannot be read: {}", path, std::strerror(errno));
  if (!good(info.st_mode)) return wrong(info.st_mode);
  return Opened{std::move(file), info};
}

/// Whether something writes into the pipe or has written. Reading would tell too, but takes what is there.
bool has_writer(int pipe) {
  pollfd waiting{pipe, POLLIN, 0};
  if (::poll(&waiting, 1, 50) > 0) return true;
  int copy[2];
  if (::pipe2(copy, O_CLOEXEC) != 0) return true;
  const SystemFile out(copy[0]), in(copy[1]);
  return ::tee(pipe, in.fd(), 1, SPLICE_F_NONBLOCK) != 0;  // 0: nothing there and nobody at the other end
}

Status wait_for_writer(int pipe, const std::string& path) {
  for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;)
    if (has_writer(pipe)) return {};
  return fail("{}: a pipe into which nothing writes; start the command that fills it first, or give a file", path);
}

}  // namespace

Error open_error(const std::string& path, int code) {
  if (code == ENOENT)
    if (auto dangling = dangling_link(path)) return fail("{}", *dangling);
  if (code == ENOENT) return fail("{}: no such file", path);
  if (code == EACCES || code == EPERM)
    return fail("{}: no permission to read it; check the owner and mode of the file", path);
  if (code == EMFILE || code == ENFILE)
    return fail("{}: cannot be opened, too many files are open; raise the limit (ulimit -n)", path);
  if (code == ENAMETOOLONG) return fail("{}: the name is too long for a file; check what was given", shortened(path));
  return fail("{}: cannot be opened: {}", path, std::strerror(code));
}

Result<RegularFile> open_regular_file(const std::string& path) {
  MXPATH_TRY(Opened opened, open_checked(path, is_regular));
  return RegularFile{std::move(opened.file), static_cast<uint64_t>(opened.info.st_size)};
}

Result<SystemFile> open_input(const std::string& path) {
  MXPATH_TRY(Opened opened, open_checked(path, is_input));
  if (S_ISFIFO(opened.info.st_mode)) MXPATH_CHECK(wait_for_writer(opened.file.fd(), path));
  ::fcntl(opened.file.fd(), F_SETFL, ::fcntl(opened.file.fd(), F_GETFL) & ~O_NONBLOCK);
  return std::move(opened.file);
}

Result<std::string> read_to_end(int fd, std::string_view where, uint64_t limit) {
  std::string text;
  char block[1 << 16];
  for (;;) {
    const ssize_t count = ::read(fd, block, sizeof block);
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {  // whoever shares this input has made it non-blocking
      pollfd waiting{fd, POLLIN, 0};
      ::poll(&waiting, 1, -1);
      continue;
    }
    if (count < 0) return fail("{}: cannot be read: {}", where, std::strerror(errno));
    if (text.size() + static_cast<size_t>(count) > limit)
      return fail("{}: is longer than {}, the limit for what is read here", where, human_bytes(double(limit)));
    text.append(block, static_cast<size_t>(count));
  }
}

Result<std::string> read_input(const std::string& path, uint64_t limit) {
  MXPATH_TRY(const SystemFile file, open_input(path));
  return read_to_end(file.fd(), path, limit);
}

}  // namespace mxpath
