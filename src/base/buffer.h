// Aligned, zeroed memory that asks for huge pages.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace mxpath {

/// Zero-filled anonymous memory, 64-byte aligned at least. Pages are committed on first touch, and blocks of 2 MiB or
/// more ask for huge pages (a third more read bandwidth on the machines measured in docs/performance.md). Movable, not
/// copyable.
class Buffer {
 public:
  /// Error: the system has no such amount of address space or memory left (system_memory is asked for blocks of 16 MiB
  /// and more); the sentence says how much was asked for and how much is free.
  static Result<Buffer> allocate(size_t bytes);

  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  size_t size() const { return size_; }
  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_);
  }
  std::span<uint8_t> bytes() { return {data_, size_}; }
  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace mxpath
