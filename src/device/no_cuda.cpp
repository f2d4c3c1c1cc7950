// What device.h is in a build without CUDA: planning refuses every CUDA path, so nothing of this is reached but by
// mistake.
#include <cstring>
#include <utility>

#include "base/hint.h"
#include "base/text.h"
#include "device/device.h"

namespace mxpath {
namespace {

Error no_cuda() {
  return fail("this build has no CUDA support; build with `make CUDA=ON` where nvcc is, or use {}",
              mention(Knob::device, "cpu"));
}

}  // namespace

Result<Stream> Stream::create(DeviceId device) { return device.is_gpu() ? Result<Stream>(no_cuda()) : Stream(); }
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;
void Stream::note(int, const char*) {}
Status Stream::status() const { return {}; }
Status Stream::wait() { return {}; }
bool Stream::select() { return false; }
Status Stream::copy_in(void* device, const void* host, size_t bytes) {
  return std::memcpy(device, host, bytes), Status();
}
Status Stream::copy_out(void* host, const void* device, size_t bytes) {
  return std::memcpy(host, device, bytes), Status();
}
Status Stream::fill(void* device, int byte, size_t bytes) { return std::memset(device, byte, bytes), Status(); }
void Stream::copy_within(void* to, const void* from, size_t bytes) { std::memcpy(to, from, bytes); }
bool Stream::copy_to_peer(Stream&, void*, const void*, size_t) { return false; }

Result<Memory> Memory::allocate(DeviceId device, size_t bytes) {
  if (device.is_gpu()) return no_cuda();
  Memory memory;
  memory.size_ = bytes;
  MXPATH_TRY(memory.host_, Buffer::allocate(bytes));
  memory.data_ = memory.host_.data();
  return memory;
}
Memory::Memory(Memory&& other) noexcept { *this = std::move(other); }
Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(host_, other.host_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
Memory::~Memory() = default;

bool peers(DeviceId, DeviceId) { return false; }
void allow_peers(bool) {}

Result<CudaGraph> CudaGraph::record(Stream&, const std::function<void()>&) { return no_cuda(); }
CudaGraph::CudaGraph(CudaGraph&&) noexcept = default;
CudaGraph& CudaGraph::operator=(CudaGraph&&) noexcept = default;
CudaGraph::~CudaGraph() = default;
void CudaGraph::launch(Stream&) const {}

std::string image_problem(DeviceId, const void*) { return no_cuda().message; }
std::string device_problem(DeviceId) { return no_cuda().message; }
Result<uint64_t> free_device_memory(DeviceId) { return no_cuda(); }

}  // namespace mxpath
