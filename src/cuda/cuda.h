// Streams, memory and graphs of a CUDA device, for code that is compiled with and without CUDA. cuda.cpp or no_cuda.cpp is built; without
// CUDA every function that could fail does, with the reason.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

struct CUstream_st;
struct CUgraphExec_st;

namespace mxpath {

/// Work in order on one device. Kernels are launched without a return value, so the stream keeps the first error of anything that was
/// asked of it, with the call's name and CUDA's text; wait() and status() give it out. Movable, not copyable; not for two threads at once.
class CudaStream {
 public:
  static Result<CudaStream> create(int device);
  CudaStream() = default;
  CudaStream(CudaStream&& other) noexcept;
  CudaStream& operator=(CudaStream&& other) noexcept;
  ~CudaStream();

  int device() const { return device_; }
  CUstream_st* handle() const { return handle_; }
  /// For whoever calls CUDA on this stream: `code` is a cudaError_t, `call` what was called, as "moe_gate_up.cuda.portable.f32".
  void note(int code, const char* call);
  Status status() const;
  Status wait();  ///< until all is done
  /// Makes its device that of the calling thread, which every call here does first: CUDA keeps the current device for each thread, and two
  /// engines may lie on two devices. False: it cannot be, and the error is noted.
  bool select();

  /// Copies after all that was enqueued before, done when they return: CUDA does not promise that it reads ordinary memory any earlier.
  Status copy_in(void* device, const void* host, size_t bytes);
  Status copy_out(void* host, const void* device, size_t bytes);
  Status fill(void* device, int byte, size_t bytes);

 private:
  int device_ = 0;
  CUstream_st* handle_ = nullptr;
  std::string error_;
};

/// Device memory from cudaMalloc, freed with the object; 256-byte aligned, not zeroed.
class CudaBuffer {
 public:
  /// Error: the device has no such amount left; the sentence says how much was asked for and how much is free.
  static Result<CudaBuffer> allocate(int device, size_t bytes);
  CudaBuffer() = default;
  CudaBuffer(CudaBuffer&& other) noexcept;
  CudaBuffer& operator=(CudaBuffer&& other) noexcept;
  ~CudaBuffer();

  size_t size() const { return size_; }
  uint8_t* data() const { return data_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  [[maybe_unused]] int device_ = 0;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

/// Launches recorded once and repeated as one: a decode step is some three hundred kernels of a few microseconds.
class CudaGraph {
 public:
  /// Records what `work` enqueues on the stream; nothing of it runs yet. `work` must not wait, copy from or to the host, or allocate.
  static Result<CudaGraph> record(CudaStream& stream, const std::function<void()>& work);
  CudaGraph() = default;
  CudaGraph(CudaGraph&& other) noexcept;
  CudaGraph& operator=(CudaGraph&& other) noexcept;
  ~CudaGraph();

  explicit operator bool() const { return handle_ != nullptr; }
  void launch(CudaStream& stream) const;

 private:
  [[maybe_unused]] int device_ = 0;
  CUgraphExec_st* handle_ = nullptr;
};

/// Whether the image of a kernel loads on this device (cudaFuncGetAttributes); empty: it does, otherwise CUDA's text.
std::string image_problem(int device, const void* kernel);
/// Whether a device still does its work after an error; empty: it does. An address that a kernel must not touch, say, ends the context of
/// the process on the device: every later call fails with the same text, whoever makes it.
std::string device_problem(int device);
/// Free bytes of a device now.
Result<uint64_t> free_device_memory(int device);

}  // namespace mxpath
