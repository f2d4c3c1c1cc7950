// A file mapped read-only into memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace mxpath {

/// A read-only view of a whole file; unmapped on destruction. Movable, not copyable.
class MappedFile {
 public:
  /// Errors: the file is missing, is not a regular file, or cannot be read; each sentence names the path.
  static Result<MappedFile> open(const std::string& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

  /// Tells the system that bytes [offset, offset + length) will be read soon, front to back.
  void will_need(size_t offset, size_t length) const;
  /// Gives the resident pages of a range back: packing a model must not hold the file and the packed copy at once.
  void release(size_t offset, size_t length) const;

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  std::string path_;
};

/// The whole of a small file (≤ limit bytes). Errors as MappedFile::open, and a file over the limit.
Result<std::string> read_text_file(const std::string& path, size_t limit = size_t{1} << 30);

}  // namespace mxpath
