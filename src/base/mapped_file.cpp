#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/folder.h"
#include "base/text.h"

namespace mxpath {
namespace {

struct FileDescriptor {
  int fd;
  ~FileDescriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Error open_error(const std::string& path, int code) {
  if (code == ENOENT)
    if (auto dangling = dangling_link(path)) return fail("{}", *dangling);
  if (code == ENOENT) return fail("{}: no such file", path);
  if (code == EACCES || code == EPERM) return fail("{}: no permission to read it; check the owner and mode of the file", path);
  return fail("{}: cannot be opened: {}", path, std::strerror(code));
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  FileDescriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return open_error(path, errno);
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return fail("{}: its size cannot be read: {}", path, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return fail("{}: not a regular file", path);
  MappedFile mapped;
  mapped.path_ = path;
  mapped.size_ = static_cast<size_t>(info.st_size);
  if (mapped.size_ == 0) return mapped;
  void* data = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) return fail("{}: cannot be mapped into memory: {}", path, std::strerror(errno));
  mapped.data_ = static_cast<uint8_t*>(data);
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

void MappedFile::will_need(size_t offset, size_t length) const {
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE)), start = offset / page * page;
  if (data_ && start < size_) ::madvise(data_ + start, std::min(offset + length, size_) - start, MADV_WILLNEED);
}

void MappedFile::release(size_t offset, size_t length) const {
  // Whole pages only, rounded outwards: a page shared with a neighbour is read again from the page cache if needed.
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE)), start = offset / page * page;
  if (data_ && start < size_) ::madvise(data_ + start, std::min(offset + length, size_) - start, MADV_DONTNEED);
}

Result<std::string> read_text_file(const std::string& path, size_t limit) {
  MXPATH_TRY(const MappedFile file, MappedFile::open(path));
  const auto bytes = file.bytes();
  if (bytes.size() > limit)
    return fail("{}: {} is too large for a file of this kind (limit {})", path, human_bytes(double(bytes.size())),
                human_bytes(double(limit)));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace mxpath
