#include "checkpoint/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/text.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t writeback_bytes = uint64_t{32} << 20;

/// A rename puts a file in the place of a device, or of the link /dev/stdout, where the user may do that.
Status check_target(const std::string& path) {
  std::error_code error;
  const fs::file_status there = fs::status(path, error);
  if (fs::is_directory(there)) return fail("{}: is a folder; give the name of a file", path);
  const fs::path folder = fs::canonical(fs::absolute(path, error).parent_path(), error);
  const bool system = folder == "/dev" || folder.string().starts_with("/proc/");
  if (system || (fs::exists(there) && !fs::is_regular_file(there)))
    return fail("{}: is a device or a pipe, not a file that could be replaced; give the name of a file", path);
  return {};
}

/// Takes digits off the end of `name`; false if there are none.
bool drop_digits(std::string_view& name) {
  const size_t size = name.size();
  while (!name.empty() && name.back() >= '0' && name.back() <= '9') name.remove_suffix(1);
  return name.size() < size;
}
bool drop(std::string_view& name, std::string_view end) {
  if (!name.ends_with(end)) return false;
  name.remove_suffix(end.size());
  return true;
}

}  // namespace

Error write_error(const std::string& path, int code) {
  if (code == ENOSPC || code == EDQUOT) return fail("{}: the disk is full; free some space and try again", path);
  if (code == EFBIG)
    return fail(
        "{}: the file size limit of this shell (ulimit -f), or of the file system, is reached; raise the limit, or "
        "write smaller files",
        path);
  return fail("{}: cannot be written: {}", path, std::strerror(code));
}

Result<NewFile> NewFile::create(const std::string& path, WriteWatch watch) {
  static std::atomic<unsigned> count = 0;
  MXPATH_CHECK(check_target(path));
  const std::string temporary = fmt::format("{}.{}-{}.part", path, ::getpid(), count++);
  SystemFile file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.fd() < 0) {
    if (errno == ENOSPC || errno == EDQUOT) return write_error(path, errno);
    return fail("{}: cannot be created: {}", path, std::strerror(errno));
  }
  return NewFile(std::move(file), path, temporary, std::move(watch));
}

NewFile::NewFile(SystemFile file, std::string path, std::string temporary, WriteWatch watch)
    : file_(std::move(file)), path_(std::move(path)), temporary_(std::move(temporary)), watch_(std::move(watch)) {}

NewFile::NewFile(NewFile&& other) noexcept
    : file_(std::move(other.file_)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      watch_(std::move(other.watch_)),
      size_(other.size_),
      flushed_(other.flushed_) {}

NewFile::~NewFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status NewFile::write(std::span<const uint8_t> bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::write(file_.fd(), bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EFAULT && watch_.unreadable) return watch_.unreadable(bytes.data() + done);
    if (put < 0) return write_error(path_, errno);
    done += static_cast<size_t>(put);
  }
  if (watch_.written) watch_.written(bytes);
  size_ += bytes.size();
  start_writeback();
  return {};
}

void NewFile::start_writeback() {
#ifdef SYNC_FILE_RANGE_WRITE
  if (size_ - flushed_ < writeback_bytes) return;
  ::sync_file_range(file_.fd(), static_cast<off_t>(flushed_), static_cast<off_t>(size_ - flushed_),
                    SYNC_FILE_RANGE_WRITE);
  flushed_ = size_;
#endif
}

Status NewFile::skip(uint64_t bytes) {
  const off_t end = ::lseek(file_.fd(), static_cast<off_t>(bytes), SEEK_CUR);
  if (end < 0 || ::ftruncate(file_.fd(), end) != 0) return write_error(path_, errno);
  size_ += bytes;
  return {};
}

Status NewFile::finish() {
  if (::fsync(file_.fd()) != 0 || !file_.close()) return write_error(path_, errno);
  MXPATH_CHECK(check_target(path_));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    return fail("{}: cannot be put in place: {}", path_, std::strerror(errno));
  temporary_.clear();
  const auto folder = fs::path(path_).parent_path();
  SystemFile directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd() >= 0) ::fsync(directory.fd());  // some file systems cannot; the file itself is safe
  return {};
}

bool is_unfinished_name(std::string_view name) {
  return drop(name, ".part") && drop_digits(name) && drop(name, "-") && drop_digits(name) && drop(name, ".") &&
         !name.empty();
}

Status check_new_file(const std::string& path) {
  MXPATH_CHECK(check_target(path));
  std::error_code error;
  const fs::path parent = fs::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  if (!fs::is_directory(folder, error)) return fail("{}: cannot be created: there is no folder {}", path, folder);
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return fail("{}: cannot be created: {}", path, std::strerror(errno));
  return {};
}

Status write_new_file(const std::string& path, std::string_view text) {
  MXPATH_TRY(NewFile file, NewFile::create(path));
  MXPATH_CHECK(file.write({reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  return file.finish();
}

}  // namespace mxpath
