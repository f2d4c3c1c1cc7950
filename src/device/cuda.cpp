// device.h on the CUDA runtime, which is linked statically and opens the driver's library when the program runs.
#include <cuda_runtime_api.h>

#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "base/hint.h"
#include "base/text.h"
#include "device/device.h"

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

Result<Stream> Stream::create(DeviceId device) {
  Stream stream;
  if (!device.is_gpu()) return stream;
  stream.device_ = device;
  MXPATH_CHECK(checked(cudaSetDevice(device.index), "cudaSetDevice"));
  MXPATH_CHECK(checked(cudaStreamCreateWithFlags(&stream.handle_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags"));
  MXPATH_CHECK(checked(cudaEventCreateWithFlags(&stream.event_, cudaEventDisableTiming), "cudaEventCreateWithFlags"));
  return stream;
}
Stream::Stream(Stream&& other) noexcept { *this = std::move(other); }
Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(event_, other.event_);
  std::swap(error_, other.error_);
  return *this;
}
Stream::~Stream() {
  if (!handle_ || cudaSetDevice(device_.index) != cudaSuccess) return;
  (void)cudaStreamDestroy(handle_);
  if (event_) (void)cudaEventDestroy(event_);
}

void Stream::note(int code, const char* call) {
  if (code == cudaSuccess) return;
  (void)cudaGetLastError();
  if (error_.empty()) error_ = text_of(static_cast<cudaError_t>(code), call);
}
Status Stream::status() const { return error_.empty() ? Status() : Status(fail("CUDA {}", error_)); }
bool Stream::select() {
  const cudaError_t code = cudaSetDevice(device_.index);
  note(code, "cudaSetDevice");
  return code == cudaSuccess;
}
Status Stream::wait() {
  if (handle_ && select()) note(cudaStreamSynchronize(handle_), "cudaStreamSynchronize");
  return status();
}
Status Stream::copy_in(void* device, const void* host, size_t bytes) {
  if (!handle_) return std::memcpy(device, host, bytes), Status();
  if (select())
    note(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, handle_), "cudaMemcpyAsync to the device");
  return wait();
}
Status Stream::copy_out(void* host, const void* device, size_t bytes) {
  if (!handle_) return std::memcpy(host, device, bytes), Status();
  if (select())
    note(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, handle_), "cudaMemcpyAsync from the device");
  return wait();
}
Status Stream::fill(void* device, int byte, size_t bytes) {
  if (!handle_) return std::memset(device, byte, bytes), Status();
  if (select()) note(cudaMemsetAsync(device, byte, bytes, handle_), "cudaMemsetAsync");
  return status();
}
void Stream::copy_within(void* to, const void* from, size_t bytes) {
  if (!handle_) std::memcpy(to, from, bytes);
  else if (select())
    note(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, handle_), "cudaMemcpyAsync on the device");
}
bool Stream::copy_to_peer(Stream& to, void* there, const void* here, size_t bytes) {
  if (!peers(device_, to.device_)) return false;
  // What is there may still be read by what `to` was given before.
  if (to.select()) to.note(cudaEventRecord(to.event_, to.handle_), "cudaEventRecord");
  if (select()) {
    note(cudaStreamWaitEvent(handle_, to.event_, 0), "cudaStreamWaitEvent");
    note(cudaMemcpyPeerAsync(there, to.device_.index, here, device_.index, bytes, handle_), "cudaMemcpyPeerAsync");
    note(cudaEventRecord(event_, handle_), "cudaEventRecord");
  }
  if (to.select()) to.note(cudaStreamWaitEvent(to.handle_, event_, 0), "cudaStreamWaitEvent");
  return true;
}

Result<Memory> Memory::allocate(DeviceId device, size_t bytes) {
  Memory memory;
  memory.where_ = device;
  memory.size_ = bytes;
  if (!device.is_gpu()) {
    MXPATH_TRY(memory.host_, Buffer::allocate(bytes));
    memory.data_ = memory.host_.data();
    return memory;
  }
  MXPATH_CHECK(checked(cudaSetDevice(device.index), "cudaSetDevice"));
  void* data = nullptr;
  if (const cudaError_t code = cudaMalloc(&data, bytes); code != cudaSuccess) {
    (void)cudaGetLastError();
    const auto left = free_device_memory(device);
    return fail("no {} of memory on {} ({} are free): {}; use {} or {}, a shorter {}, or free the device",
                human_bytes(double(bytes)), to_string(device),
                left.ok() ? human_bytes(double(*left)) : "an unknown amount", text_of(code, "cudaMalloc"),
                mention(Knob::gpu_layers), mention(Knob::cpu_experts), mention(Knob::context));
  }
  memory.data_ = static_cast<uint8_t*>(data);
  return memory;
}
Memory::Memory(Memory&& other) noexcept { *this = std::move(other); }
Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(where_, other.where_);
  std::swap(host_, other.host_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
Memory::~Memory() {
  if (where_.is_gpu() && data_ && cudaSetDevice(where_.index) == cudaSuccess) (void)cudaFree(data_);
}

namespace {

std::atomic<bool> peers_allowed{true};

/// Opens the way of one device into another's memory. It stays open: that it already was is no error.
bool open_way(int from, int to) {
  int possible = 0;
  if (cudaDeviceCanAccessPeer(&possible, from, to) != cudaSuccess || !possible || cudaSetDevice(from) != cudaSuccess)
    return (void)cudaGetLastError(), false;
  const cudaError_t code = cudaDeviceEnablePeerAccess(to, 0);
  (void)cudaGetLastError();
  return code == cudaSuccess || code == cudaErrorPeerAccessAlreadyEnabled;
}

}  // namespace

bool peers(DeviceId from, DeviceId to) {
  static std::mutex mutex;
  static std::map<std::pair<DeviceId, DeviceId>, bool> known;
  if (!peers_allowed || !from.is_gpu() || !to.is_gpu()) return false;
  const std::lock_guard lock(mutex);
  const auto [entry, is_new] = known.try_emplace({from, to}, false);
  if (is_new) entry->second = open_way(from.index, to.index);
  return entry->second;
}
void allow_peers(bool allowed) { peers_allowed = allowed; }

Result<CudaGraph> CudaGraph::record(Stream& stream, const std::function<void()>& work) {
  if (!stream.select() || !stream.status().ok()) return stream.status().error();
  MXPATH_CHECK(
      checked(cudaStreamBeginCapture(stream.handle(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture"));
  work();
  cudaGraph_t graph = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(stream.handle(), &graph);
  CudaGraph recorded;
  recorded.device_ = stream.device().index;
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
void CudaGraph::launch(Stream& stream) const {
  if (stream.select()) stream.note(cudaGraphLaunch(handle_, stream.handle()), "cudaGraphLaunch");
}

std::string image_problem(DeviceId device, const void* kernel) {
  cudaFuncAttributes attributes;
  cudaError_t code = cudaSetDevice(device.index);
  if (code == cudaSuccess) code = cudaFuncGetAttributes(&attributes, kernel);
  if (code == cudaSuccess) return "";
  (void)cudaGetLastError();
  return text_of(code, "cudaFuncGetAttributes");
}

std::string device_problem(DeviceId device) {
  cudaError_t code = cudaSetDevice(device.index);
  if (code == cudaSuccess) code = cudaDeviceSynchronize();
  if (code == cudaSuccess) return "";
  (void)cudaGetLastError();
  return fmt::format("CUDA {}", text_of(code, "cudaDeviceSynchronize"));
}

Result<uint64_t> free_device_memory(DeviceId device) {
  size_t left = 0, total = 0;
  MXPATH_CHECK(checked(cudaSetDevice(device.index), "cudaSetDevice"));
  MXPATH_CHECK(checked(cudaMemGetInfo(&left, &total), "cudaMemGetInfo"));
  return uint64_t{left};
}

}  // namespace mxpath
