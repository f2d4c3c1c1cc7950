// What cuda.h is in a build without CUDA: planning refuses every CUDA path, so nothing of this is reached but by mistake.
#include <utility>

#include "base/hint.h"
#include "base/text.h"
#include "cuda/cuda.h"

namespace mxpath {
namespace {

Error no_cuda() { return fail("this build has no CUDA support; build with nvcc on the PATH, or use {}", mention(Knob::device, "cpu")); }

}  // namespace

Result<CudaStream> CudaStream::create(int) { return no_cuda(); }
CudaStream::CudaStream(CudaStream&&) noexcept = default;
CudaStream& CudaStream::operator=(CudaStream&&) noexcept = default;
CudaStream::~CudaStream() = default;
void CudaStream::note(int, const char*) {}
Status CudaStream::status() const { return no_cuda(); }
Status CudaStream::wait() { return no_cuda(); }
bool CudaStream::select() { return false; }
Status CudaStream::copy_in(void*, const void*, size_t) { return no_cuda(); }
Status CudaStream::copy_out(void*, const void*, size_t) { return no_cuda(); }
Status CudaStream::fill(void*, int, size_t) { return no_cuda(); }

Result<CudaBuffer> CudaBuffer::allocate(int, size_t) { return no_cuda(); }
CudaBuffer::CudaBuffer(CudaBuffer&&) noexcept = default;
CudaBuffer& CudaBuffer::operator=(CudaBuffer&&) noexcept = default;
CudaBuffer::~CudaBuffer() = default;

Result<CudaGraph> CudaGraph::record(CudaStream&, const std::function<void()>&) { return no_cuda(); }
CudaGraph::CudaGraph(CudaGraph&&) noexcept = default;
CudaGraph& CudaGraph::operator=(CudaGraph&&) noexcept = default;
CudaGraph::~CudaGraph() = default;
void CudaGraph::launch(CudaStream&) const {}

std::string image_problem(int, const void*) { return no_cuda().message; }
std::string device_problem(int) { return no_cuda().message; }
Result<uint64_t> free_device_memory(int) { return no_cuda(); }

}  // namespace mxpath
