// The one way that kernels are launched: on the stream's device, in its order, and with every error kept under the
// caller's name.
#pragma once
#include <cuda_runtime.h>

#include "device/device.h"

namespace mxpath {

/// Enqueues kernel<<<grid, block>>>(arguments...). `name` is what an error is reported under: the row's name. A grid
/// without blocks is no work.
template <class... Parameters, class... Arguments>
void launch(Stream& stream, const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            Arguments&&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  if (const cudaError_t code = cudaSetDevice(stream.device().index); code != cudaSuccess)
    return stream.note(code, name);
  kernel<<<grid, block, 0, stream.handle()>>>(static_cast<Parameters>(arguments)...);
  stream.note(cudaGetLastError(), name);
}

/// ceil(count / size) as a grid dimension.
constexpr unsigned blocks_for(int64_t count, int64_t size) { return static_cast<unsigned>((count + size - 1) / size); }

}  // namespace mxpath
