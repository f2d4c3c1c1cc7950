// Arrays of the host in device memory, for one call of a kernel.
#pragma once
#include <cstdint>
#include <deque>
#include <vector>

#include "device/device.h"
#include "layout/packed_matrix.h"

namespace mxpath {

/// First place everything, then send, call the kernel, fetch. Places are decided on the host, so that tables of device
/// pointers can be placed too. Memory is kept for the next round.
class DeviceCopies {
 public:
  explicit DeviceCopies(DeviceId device) : device_(device) {}

  /// A copy of `count` elements; null stays null, and so it is after an error, which send() reports.
  template <class T>
  const T* in(const T* host, int64_t count) {
    uint8_t* at = put("an input", host, static_cast<size_t>(count) * sizeof(T));
    if (at) regions_.back().may_change = false;
    return reinterpret_cast<const T*>(at);
  }
  /// The same, and fetch() writes it back.
  template <class T>
  T* in_out(T* host, int64_t count) {
    uint8_t* at = put("an output", host, static_cast<size_t>(count) * sizeof(T));
    if (at) regions_.back().output = host;
    return reinterpret_cast<T*>(at);
  }
  /// Memory that the kernel may use: full of ones, which are NaN.
  void* scratch(size_t bytes);
  /// A view of the same matrix in device memory; the view itself stays on the host.
  const PackedMatrix* matrix(const PackedMatrix& host);

  Status send(Stream& stream);
  /// Waits for the kernel. Errors: CUDA's, a guard that was written to, an input that is no longer what was sent.
  Status fetch(Stream& stream);
  void clear();

 private:
  struct Chunk {
    Memory device;
    std::vector<uint8_t> sent, back;
    size_t used = 0;
  };
  struct Region {
    const char* what;
    size_t chunk, guarded_from, start, bytes;
    void* output = nullptr;  // null: does not come back
    bool may_change = true;
  };
  uint8_t* put(const char* what, const void* content, size_t bytes);
  Chunk* chunk_for(size_t bytes);
  Status check(const Region& region) const;

  DeviceId device_;
  std::vector<Chunk> chunks_;
  std::vector<Region> regions_;
  std::deque<PackedMatrix> matrices_;
  Status status_;
};

}  // namespace mxpath
