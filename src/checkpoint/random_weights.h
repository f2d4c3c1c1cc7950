// The random numbers of random_checkpoint, one tensor at a time.
#pragma once
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "checkpoint/manifest.h"

namespace mxpath {

using WriteBytes = std::function<Status(std::span<const uint8_t>)>;

/// Writes one role of one layer front to back in its encoding. What the values are depends on seed, role, layer and
/// shape only: an expert matrix is drawn as MXFP4 (if blocks divide its rows) and decoded where the layout wants BF16.
/// mxfp4_blocks: the blocks.
Status write_random_values(const TensorRecord& record, uint64_t seed, const WriteBytes& write);
/// The scales of an mxfp4_blocks record.
Status write_random_scales(const TensorRecord& record, uint64_t seed, const WriteBytes& write);

}  // namespace mxpath
