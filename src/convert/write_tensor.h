// One tensor of the target, front to back, from the source: in parallel, in pieces of one expert at most.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "convert/source.h"

namespace mxpath::convert {

using WriteBytes = std::function<Status(std::span<const uint8_t>)>;

/// What writing tensors needs. `on_bytes` is told, on the calling thread, how many bytes were given to `write`.
struct TensorWriter {
  const Source& source;
  ThreadPool& pool;
  ScaleRule rule = ScaleRule::ceil;
  std::function<void(uint64_t)> on_bytes;
};

/// BF16, row-major or (expert matrices of the Hugging Face layout) [experts, columns, rows]. Adds to `loss` where
/// numbers are rounded. Error: a NaN or an infinity, or a value beyond BF16, with its place.
Status write_bf16(const TensorWriter& writer, const SourceTensor& tensor, bool transposed, const WriteBytes& write,
                  Loss& loss);

/// Codes of MXFP4 blocks; the scales, for which there is no place yet, go to `scales`. Error: a NaN or an infinity, one
/// that rounding makes among them.
Status write_codes(const TensorWriter& writer, const SourceTensor& tensor, const WriteBytes& write,
                   std::vector<uint8_t>& scales, Loss& loss);
/// The scales that write_codes left.
Status write_scales(const TensorWriter& writer, const std::vector<uint8_t>& scales, const WriteBytes& write);

}  // namespace mxpath::convert
