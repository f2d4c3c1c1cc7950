#include "convert/checksum.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

#include "base/text.h"
#include "checkpoint/new_file.h"

namespace mxpath::convert {
namespace {

constexpr size_t piece_bytes = size_t{1} << 20;

/// read(2) into memory and not a mapping: a file that is cut short meanwhile is other contents, not a fault.
Status add_contents(int fd, Checksum& sum) {
  std::vector<uint8_t> piece(piece_bytes);
  for (;;) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail("cannot be read: {}", std::strerror(errno));
    if (got == 0) return {};
    sum.add({piece.data(), static_cast<size_t>(got)});
  }
}

Error open_error(int code) {
  if (code == ENOENT) return fail("is missing");
  if (code == ELOOP) return fail("is a link now");
  return fail("cannot be read: {}", std::strerror(code));
}

}  // namespace

Checksum::Checksum() : state_(XXH3_createState()) {
  if (!state_) throw std::bad_alloc();  // as any other memory of a conversion
  XXH3_64bits_reset(state_.get());
}

void Checksum::Free::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }
void Checksum::add(std::span<const uint8_t> bytes) { XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()); }
uint64_t Checksum::value() const { return XXH3_64bits_digest(state_.get()); }

Status check_file(const std::string& path, uint64_t bytes, uint64_t checksum) {
  // O_NONBLOCK: a pipe in its place must not be waited for.
  const SystemFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (file.fd() < 0 || ::fstat(file.fd(), &info) != 0) return open_error(errno);
  if (!S_ISREG(info.st_mode)) return fail("is no regular file now");
  if (static_cast<uint64_t>(info.st_size) != bytes) return fail("has another size");
  ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
  Checksum sum;
  MXPATH_CHECK(add_contents(file.fd(), sum));
  return sum.value() == checksum ? Status() : fail("has other contents");
}

}  // namespace mxpath::convert
