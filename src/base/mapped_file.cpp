#include "base/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/mappings.h"
#include "base/system_file.h"
#include "base/text.h"

namespace mxpath {

Result<MappedFile> MappedFile::open(const std::string& path) {
  MXPATH_TRY(const RegularFile opened, open_regular_file(path));
  MappedFile mapped;
  mapped.path_ = path;
  mapped.size_ = static_cast<size_t>(opened.size);
  if (mapped.size_ == 0) return mapped;
  void* data = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, opened.file.fd(), 0);
  if (data == MAP_FAILED) return fail("{}: cannot be mapped into memory: {}", path, std::strerror(errno));
  mapped.data_ = static_cast<uint8_t*>(data);
  add_mapping(data, mapped.size_, path);
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
  if (!data_) return;
  remove_mapping(data_);
  ::munmap(data_, size_);
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
  MXPATH_TRY(const RegularFile opened, open_regular_file(path));
  if (opened.size > limit)
    return fail("{}: {} is too large for a file of this kind (limit {})", path, human_bytes(double(opened.size)),
                human_bytes(double(limit)));
  // Read and not mapped: a file that shrinks meanwhile gives less text, not a signal.
  return read_to_end(opened.file.fd(), path, limit);
}

}  // namespace mxpath
