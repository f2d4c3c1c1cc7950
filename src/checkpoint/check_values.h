// Values that no model can be run with: NaN, infinities, and scales that make them.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "checkpoint/manifest.h"

namespace mxpath {

/// Looks at `values`, bytes [first_byte, first_byte + values.size()) of the stored tensor of a plain record (whole
/// elements). Reads at memory speed; meant to be called for one expert or one run of rows at a time, from any thread.
/// Whether the codes of mxfp4_blocks are good depends on their scales (check_blocks), so there is nothing to look at
/// here. Error: names `where` (the file), tensor, expert, row, column.
Status check_values(const TensorRecord& record, std::span<const uint8_t> values, uint64_t first_byte,
                    std::string_view where);

/// The same for mxfp4_blocks: scales [first_block, first_block + scales.size()) of the stored tensor and the codes that
/// they belong to, 16 bytes a scale. Error: scale 255, with expert, row and block; a value that is infinite in FP32
/// (|code| ≥ 4 under scale 253, ≥ 2 under 254), with expert, row and column.
Status check_blocks(const TensorRecord& record, const uint8_t* codes, std::span<const uint8_t> scales,
                    uint64_t first_block, std::string_view where);

/// All of one tensor: its values, or its blocks. Pages stay resident; call release() as needed.
Status check_tensor(const Checkpoint& checkpoint, const TensorRecord& record);

}  // namespace mxpath
