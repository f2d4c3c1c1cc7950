#include "base/buffer.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/system_memory.h"
#include "base/text.h"

namespace mxpath {

namespace {

/// Memory is reserved without being held (MAP_NORESERVE), so the system refuses nothing: it ends the program when pages
/// are touched that are not there. So it is asked before, for blocks whose size makes up for the question.
Status check_left(size_t bytes) {
  constexpr size_t worth_asking = size_t{16} << 20;
  if (bytes < worth_asking) return {};
  const SystemMemory memory = system_memory();
  if (memory.total == 0 || bytes <= memory.free) return {};
  return fail("{} of memory cannot be had: {} of {} are free, other programs hold the rest; close some of them",
              human_bytes(double(bytes)), human_bytes(double(memory.free)), human_bytes(double(memory.total)));
}

}  // namespace

Result<Buffer> Buffer::allocate(size_t bytes) {
  constexpr size_t huge_page = size_t{2} << 20;
  Buffer buffer;
  if (bytes == 0) return buffer;
  MXPATH_CHECK(check_left(bytes));
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED)
    return fail(
        "{} of memory cannot be reserved: {}; close other programs, or raise the limit if there is one (ulimit -v)",
        human_bytes(double(bytes)), std::strerror(errno));
  if (bytes >= huge_page) ::madvise(data, bytes, MADV_HUGEPAGE);
  buffer.data_ = static_cast<uint8_t*>(data);
  buffer.size_ = bytes;
  return buffer;
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Buffer::~Buffer() {
  if (data_) ::munmap(data_, size_);
}

}  // namespace mxpath
