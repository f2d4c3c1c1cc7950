// Values that no model can be run with: NaN, infinities, and the NaN code among scales.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "checkpoint/manifest.h"

namespace mxpath {

/// Looks at `values`, bytes [first_byte, first_byte + values.size()) of the stored tensor of a plain record (whole elements). Reads at
/// memory speed; meant to be called for one expert or one run of rows at a time, from any thread. The codes of MXFP4 blocks are all
/// good, so for mxfp4_blocks there is nothing to look at here. Error: names `where` (the file), tensor, expert, row, column.
Status check_values(const TensorRecord& record, std::span<const uint8_t> values, uint64_t first_byte, std::string_view where);

/// The same for the scale bytes of mxfp4_blocks. Error: byte 255, with expert, row and block.
Status check_scales(const TensorRecord& record, std::span<const uint8_t> scales, uint64_t first_byte, std::string_view where);

/// All of one tensor: its values, or its scales. Pages stay resident; call release() as needed.
Status check_tensor(const Checkpoint& checkpoint, const TensorRecord& record);

}  // namespace mxpath
