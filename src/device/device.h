// Memory, streams and graphs of a device, for code that is compiled with and without CUDA. cuda.cpp or no_cuda.cpp is
// built; without CUDA every function that could fail does for a GPU, with the reason. The CPU works at once: its
// streams have nothing to wait for.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "device/device_id.h"

struct CUstream_st;
struct CUevent_st;
struct CUgraphExec_st;

namespace mxpath {

/// Work in order on one device. Kernels are launched without a return value, so the stream keeps the first error of
/// anything that was asked of it, with the call's name and CUDA's text; wait() and status() give it out. Movable, not
/// copyable; not for two threads at once. The stream of a CPU, which a default one is, has no errors and is never
/// behind.
class Stream {
 public:
  static Result<Stream> create(DeviceId device);
  Stream() = default;
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  DeviceId device() const { return device_; }
  CUstream_st* handle() const { return handle_; }
  /// For whoever calls CUDA on this stream: `code` is a cudaError_t, `call` what was called, as
  /// "moe_gate_up.cuda.portable.f32".
  void note(int code, const char* call);
  Status status() const;
  Status wait();  ///< until all is done
  /// Makes its device that of the calling thread, which every call here does first: CUDA keeps the current device for
  /// each thread, and several devices are used at once. False: it cannot be, and the error is noted.
  bool select();

  /// Copies between the computer's memory and the device's, after all that was enqueued before and done when they
  /// return: CUDA does not promise that it reads ordinary memory any earlier.
  Status copy_in(void* device, const void* host, size_t bytes);
  Status copy_out(void* host, const void* device, size_t bytes);
  Status fill(void* device, int byte, size_t bytes);
  /// Enqueues a copy from one place of the device's memory to another.
  void copy_within(void* to, const void* from, size_t bytes);
  /// Enqueues a copy into the memory of another GPU. It begins when both streams have done what they were given, and
  /// what `to` is given afterwards waits for it. False: the two have no way to each other's memory (peers()), and
  /// nothing was done.
  bool copy_to_peer(Stream& to, void* there, const void* here, size_t bytes);

 private:
  DeviceId device_;
  CUstream_st* handle_ = nullptr;
  [[maybe_unused]] CUevent_st* event_ = nullptr;  // what another stream waits for
  std::string error_;
};

/// Memory of one device, freed with the object: zeroed on a CPU (base/buffer.h), as it comes and 256-byte aligned from
/// cudaMalloc.
class Memory {
 public:
  /// Error: the device has no such amount left; the sentence says how much was asked for and how much is free.
  static Result<Memory> allocate(DeviceId device, size_t bytes);
  Memory() = default;
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  DeviceId where() const { return where_; }
  size_t size() const { return size_; }
  uint8_t* data() const { return data_; }
  std::span<uint8_t> bytes() const { return {data_, size_}; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  DeviceId where_;
  Buffer host_;  // what a CPU's lies in
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

/// Launches recorded once and repeated as one: a decode step is some three hundred kernels of a few microseconds.
class CudaGraph {
 public:
  /// Records what `work` enqueues on the stream; nothing of it runs yet. `work` must not wait, copy from or to the
  /// host, or allocate.
  static Result<CudaGraph> record(Stream& stream, const std::function<void()>& work);
  CudaGraph() = default;
  CudaGraph(CudaGraph&& other) noexcept;
  CudaGraph& operator=(CudaGraph&& other) noexcept;
  ~CudaGraph();

  explicit operator bool() const { return handle_ != nullptr; }
  void launch(Stream& stream) const;

 private:
  [[maybe_unused]] int device_ = 0;
  CUgraphExec_st* handle_ = nullptr;
};

/// Whether one GPU can copy into the memory of another without the computer's between them (cudaDeviceCanAccessPeer);
/// the first call for two devices opens the way.
bool peers(DeviceId from, DeviceId to);
/// For tests: false makes peers() answer no for every pair, as on a computer whose driver does not allow it.
void allow_peers(bool allowed);

/// Whether the image of a kernel loads on this device (cudaFuncGetAttributes); empty: it does, otherwise CUDA's text.
std::string image_problem(DeviceId device, const void* kernel);
/// Whether a device still does its work after an error; empty: it does. An address that a kernel must not touch, say,
/// ends the context of the process on the device: every later call fails with the same text, whoever makes it.
std::string device_problem(DeviceId device);
/// Free bytes of a GPU now.
Result<uint64_t> free_device_memory(DeviceId device);

}  // namespace mxpath
