// cuda.h on the CUDA runtime, which is linked statically and opens the driver's library when the program runs.
#include "cuda/cuda.h"

#include <cuda_runtime_api.h>

#include <utility>

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {
namespace {

std::string text_of(cudaError_t code, const char* call) {
  return fmt::format("{}: {} ({})", call, cudaGetErrorString(code), cudaGetErrorName(code));
}

Status checked(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return {};
  (void)cudaGetLastError();  // it has been told; what comes next is not to blame
  return fail("CUDA {}", text_of(code, call));
}

}  // namespace

Result<CudaStream> CudaStream::create(int device) {
  CudaStream stream;
  stream.device_ = device;
  MXPATH_CHECK(checked(cudaSetDevice(device), "cudaSetDevice"));
  MXPATH_CHECK(checked(cudaStreamCreateWithFlags(&stream.handle_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags"));
  return stream;
}
CudaStream::CudaStream(CudaStream&& other) noexcept { *this = std::move(other); }
CudaStream& CudaStream::operator=(CudaStream&& other) noexcept {
  std::swap(device_, other.device_), std::swap(handle_, other.handle_), std::swap(error_, other.error_);
  return *this;
}
CudaStream::~CudaStream() {
  if (handle_ && cudaSetDevice(device_) == cudaSuccess) (void)cudaStreamDestroy(handle_);
}

void CudaStream::note(int code, const char* call) {
  if (code == cudaSuccess) return;
  (void)cudaGetLastError();
  if (error_.empty()) error_ = text_of(static_cast<cudaError_t>(code), call);
}
Status CudaStream::status() const { return error_.empty() ? Status() : Status(fail("CUDA {}", error_)); }
bool CudaStream::select() {
  const cudaError_t code = cudaSetDevice(device_);
  note(code, "cudaSetDevice");
  return code == cudaSuccess;
}
Status CudaStream::wait() {
  if (select()) note(cudaStreamSynchronize(handle_), "cudaStreamSynchronize");
  return status();
}
Status CudaStream::copy_in(void* device, const void* host, size_t bytes) {
  if (select()) note(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, handle_), "cudaMemcpyAsync to the device");
  return wait();
}
Status CudaStream::copy_out(void* host, const void* device, size_t bytes) {
  if (select()) note(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, handle_), "cudaMemcpyAsync from the device");
  return wait();
}
Status CudaStream::fill(void* device, int byte, size_t bytes) {
  if (select()) note(cudaMemsetAsync(device, byte, bytes, handle_), "cudaMemsetAsync");
  return status();
}

Result<CudaBuffer> CudaBuffer::allocate(int device, size_t bytes) {
  CudaBuffer buffer;
  MXPATH_CHECK(checked(cudaSetDevice(device), "cudaSetDevice"));
  void* data = nullptr;
  if (const cudaError_t code = cudaMalloc(&data, bytes); code != cudaSuccess) {
    (void)cudaGetLastError();
    const auto left = free_device_memory(device);
    return fail("no {} of memory on cuda:{} ({} are free): {}; use {} or {}, a shorter {}, or free the device", human_bytes(double(bytes)),
                device, left.ok() ? human_bytes(double(*left)) : "an unknown amount", text_of(code, "cudaMalloc"),
                mention(Knob::gpu_layers), mention(Knob::cpu_experts), mention(Knob::context));
  }
  buffer.device_ = device, buffer.data_ = static_cast<uint8_t*>(data), buffer.size_ = bytes;
  return buffer;
}
CudaBuffer::CudaBuffer(CudaBuffer&& other) noexcept { *this = std::move(other); }
CudaBuffer& CudaBuffer::operator=(CudaBuffer&& other) noexcept {
  std::swap(device_, other.device_), std::swap(data_, other.data_), std::swap(size_, other.size_);
  return *this;
}
CudaBuffer::~CudaBuffer() {
  if (data_ && cudaSetDevice(device_) == cudaSuccess) (void)cudaFree(data_);
}

Result<CudaGraph> CudaGraph::record(CudaStream& stream, const std::function<void()>& work) {
  if (!stream.select() || !stream.status().ok()) return stream.status().error();
  MXPATH_CHECK(checked(cudaStreamBeginCapture(stream.handle(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture"));
  work();
  cudaGraph_t graph = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(stream.handle(), &graph);
  CudaGraph recorded;
  recorded.device_ = stream.device();
  Status status = stream.status().ok() ? checked(ended, "cudaStreamEndCapture") : stream.status();
  if (status.ok()) status = checked(cudaGraphInstantiate(&recorded.handle_, graph, 0), "cudaGraphInstantiate");
  if (graph) (void)cudaGraphDestroy(graph);
  MXPATH_CHECK(status);
  return recorded;
}
CudaGraph::CudaGraph(CudaGraph&& other) noexcept { *this = std::move(other); }
CudaGraph& CudaGraph::operator=(CudaGraph&& other) noexcept {
  std::swap(device_, other.device_), std::swap(handle_, other.handle_);
  return *this;
}
CudaGraph::~CudaGraph() {
  if (handle_ && cudaSetDevice(device_) == cudaSuccess) (void)cudaGraphExecDestroy(handle_);
}
void CudaGraph::launch(CudaStream& stream) const {
  if (stream.select()) stream.note(cudaGraphLaunch(handle_, stream.handle()), "cudaGraphLaunch");
}

std::string image_problem(int device, const void* kernel) {
  cudaFuncAttributes attributes;
  cudaError_t code = cudaSetDevice(device);
  if (code == cudaSuccess) code = cudaFuncGetAttributes(&attributes, kernel);
  if (code == cudaSuccess) return "";
  (void)cudaGetLastError();
  return text_of(code, "cudaFuncGetAttributes");
}

std::string device_problem(int device) {
  cudaError_t code = cudaSetDevice(device);
  if (code == cudaSuccess) code = cudaDeviceSynchronize();
  if (code == cudaSuccess) return "";
  (void)cudaGetLastError();
  return fmt::format("CUDA {}", text_of(code, "cudaDeviceSynchronize"));
}

Result<uint64_t> free_device_memory(int device) {
  size_t left = 0, total = 0;
  MXPATH_CHECK(checked(cudaSetDevice(device), "cudaSetDevice"));
  MXPATH_CHECK(checked(cudaMemGetInfo(&left, &total), "cudaMemGetInfo"));
  return uint64_t{left};
}

}  // namespace mxpath
