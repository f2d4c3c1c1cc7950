#include "layout/packed_matrix.h"

#include <algorithm>
#include <array>

#include "layout/layout_code.h"

namespace mxpath {
namespace {

bool is_stored_layout(Layout layout, Encoding encoding) {
  return (layout == Layout::bf16_rows && encoding == Encoding::bf16) ||
         (layout == Layout::fp32_rows && encoding == Encoding::f32) ||
         (layout == Layout::fp16_rows && encoding == Encoding::f16) ||
         (layout == Layout::mxfp4_rows && encoding == Encoding::mxfp4_blocks);
}

}  // namespace

const LayoutCode& layout_code(Layout layout) {
#define MXPATH_CODE_OF(name) &name##_code,
  // In the order of the enum; nobody asks for none and any.
  static constexpr std::array<const LayoutCode*, layout_count> codes = {nullptr, nullptr,
                                                                        MXPATH_LAYOUTS(MXPATH_CODE_OF)};
#undef MXPATH_CODE_OF
  return *codes[static_cast<size_t>(layout)];
}

int64_t PackedMatrix::expert_bytes() const { return code_bytes(layout, rows, columns); }
int64_t PackedMatrix::expert_scale_bytes() const { return scale_bytes(layout, rows, columns); }

PackedMatrix row_group(const PackedMatrix& matrix, int64_t expert, int64_t group) {
  const int64_t first = group * rows_per_group;
  PackedMatrix part{matrix.layout, 1, std::min(rows_per_group, matrix.rows - first), matrix.columns, nullptr, nullptr};
  part.data = matrix.data + expert * matrix.expert_bytes() + code_bytes(matrix.layout, first, matrix.columns);
  if (matrix.scales)
    part.scales =
        matrix.scales + expert * matrix.expert_scale_bytes() + scale_bytes(matrix.layout, first, matrix.columns);
  return part;
}

void decode_row(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  if (const auto fast = layout_code(matrix.layout).decode_row) return fast(matrix, expert, row, out);
  for (int64_t column = 0; column < matrix.columns; ++column) out[column] = value_at(matrix, expert, row, column);
}

bool can_map(Layout layout, const TensorRecord& record) {
  // Rows inside a fused tensor are contiguous only if there is one expert; numbers must lie where the CPU may load
  // them.
  const uint64_t alignment = record.encoding == Encoding::f32 ? 4 : record.encoding == Encoding::mxfp4_blocks ? 1 : 2;
  const bool whole = record.experts == 1 || (record.first_row == 0 && record.stored_rows == record.rows);
  return is_stored_layout(layout, record.encoding) && !record.transposed && whole && record.data.file >= 0 &&
         record.data.offset % alignment == 0;
}

PackedMatrix map_stored(Layout layout, const Checkpoint& checkpoint, const TensorRecord& record) {
  PackedMatrix matrix{layout, record.experts, record.rows, record.columns, nullptr, nullptr};
  matrix.data = checkpoint.data(record).data() + code_bytes(layout, record.first_row, record.columns);
  if (record.encoding == Encoding::mxfp4_blocks)
    matrix.scales = checkpoint.scales(record).data() + scale_bytes(layout, record.first_row, record.columns);
  return matrix;
}

}  // namespace mxpath
