// fp32_rows: [experts][rows][columns] float.
#include <cstring>

#include "layout/layout_code.h"

namespace mxpath {
namespace {

void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const int64_t bytes = matrix.columns * 4;
  std::memcpy(out, matrix.data + (expert * matrix.rows + row) * bytes, static_cast<size_t>(bytes));
}

void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  const int64_t bytes = target.columns * 4;
  std::memcpy(target.data + (expert * target.rows + row) * bytes, values, static_cast<size_t>(bytes));
}

void put_stored(const PackTarget& target, int64_t expert, int64_t row, const RawRows& raw) {
  for (int64_t i = 0; i < raw.count; ++i)
    std::memcpy(target.data + (expert * target.rows + row + i) * target.columns * 4, raw.row(i),
                static_cast<size_t>(target.columns * 4));
}

}  // namespace

const LayoutCode fp32_rows_code = {decode, put_floats, put_stored, Encoding::f32};

}  // namespace mxpath
