// Weights as a path reads them.
#pragma once
#include <cstdint>
#include <span>

#include "base/buffer.h"
#include "base/thread_pool.h"
#include "checkpoint/manifest.h"
#include "plan/layout_kind.h"

namespace mxpath {

/// `experts` matrices of rows × columns in one layout. Does not own its memory: `data` (and `scales`, where the format
/// has them) point into a Buffer or into a mapped file. Rows are outputs, columns are what is summed over.
struct PackedMatrix {
  Layout layout = Layout::none;
  int64_t experts = 1, rows = 0, columns = 0;
  const uint8_t* data = nullptr;
  const uint8_t* scales = nullptr;  ///< mxfp4: a byte each; fp8, int8, int4 and nf4: a float each; null for the others

  /// Bytes from one expert to the next in data and in scales.
  int64_t expert_bytes() const;
  int64_t expert_scale_bytes() const;
};

/// A group of rows of one expert that lie together in every layout: group g is rows 16 g … 16 g + 15, the last one may
/// be shorter. Its bytes are expert_bytes() and expert_scale_bytes() of the view, which can be decoded by itself.
PackedMatrix row_group(const PackedMatrix& matrix, int64_t expert, int64_t group);

/// One value, found by the map of the layout (plan/address_map.h): slow, for any layout.
float value_at(const PackedMatrix& matrix, int64_t expert, int64_t row, int64_t column);
/// Decodes columns [0, columns) of one row exactly as the codes mean them. Every layout can: it is why the portable
/// path reads all.
void decode_row(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out);

/// Turns the values of a row into what `layout` holds of them, computed by the scalar code of src/formats alone: what
/// decode_row must give for a packed row, bit for bit (but for the sign of zeros).
void quantised_reference(Layout layout, std::span<float> row);

/// Where the rows of one packed matrix come from: q, k and v, say, stacked. All have the same columns and experts.
struct PackSource {
  const Checkpoint* checkpoint;
  std::span<const TensorRecord* const> stacked;
};

/// Fills `target` (layout_bytes(layout, …) bytes, zeroed) from the checkpoint and returns the view of it. Runs on all
/// threads, uses at most a few rows of extra memory per thread, and gives the file's pages back as it goes. Errors: a
/// NaN or an infinity among the weights, a scale byte 255 or one that makes FP32 infinite, each with tensor, expert,
/// row and column; columns that do not divide into the groups of the format; a value too large for FP16. A format that
/// cannot hold the stored values exactly is not an error here (planning says so): floats and mxfp4 (scale rule ceil)
/// round to nearest. `rounded`: the number of values that became another number is added to it; counting costs about as
/// much as packing.
Result<PackedMatrix> pack(Layout layout, const PackSource& source, std::span<uint8_t> target, ThreadPool& threads,
                          uint64_t* rounded = nullptr);

/// The same for rows given as floats [experts][rows][columns]; tests and self-checks make their matrices with it.
/// Values that the format does not hold are rounded.
PackedMatrix pack_floats(Layout layout, int64_t experts, int64_t rows, int64_t columns, std::span<const float> values,
                         std::span<uint8_t> target);

/// The stored tensor itself as a matrix, without a copy; only where the layout is the stored one (bf16_rows, fp16_rows,
/// fp32_rows, mxfp4_rows and not transposed, one tensor).
bool can_map(Layout layout, const TensorRecord& record);
PackedMatrix map_stored(Layout layout, const Checkpoint& checkpoint, const TensorRecord& record);

}  // namespace mxpath
