#include "base/buffer.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace mxpath {

Result<Buffer> Buffer::allocate(size_t bytes) {
  constexpr size_t huge_page = size_t{2} << 20;
  Buffer buffer;
  if (bytes == 0) return buffer;
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED)
    return fail("{} of memory cannot be reserved: {}; close other programs, or raise the limit if there is one (ulimit -v)",
                human_bytes(double(bytes)), std::strerror(errno));
  if (bytes >= huge_page) ::madvise(data, bytes, MADV_HUGEPAGE);
  buffer.data_ = static_cast<uint8_t*>(data);
  buffer.size_ = bytes;
  return buffer;
}

Buffer::Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Buffer::~Buffer() {
  if (data_) ::munmap(data_, size_);
}

}  // namespace mxpath
