// What the layouts with two codes per byte and one float scale for each group of columns share.
#pragma once
#include "layout/layout_code.h"

namespace mxpath::nibble_rows {

/// `quantize` writes the codes of one group and returns its scale.
template <int64_t group, float (*quantize)(const float*, int64_t, uint8_t*)>
void put_floats(const PackTarget& target, int64_t expert, int64_t row, const float* values) {
  const int64_t groups = target.columns / group, at = (expert * target.rows + row) * groups;
  for (int64_t g = 0; g < groups; ++g)
    store_as(target.scales + 4 * (at + g), quantize(values + g * group, group, target.data + (at + g) * (group / 2)));
}

/// Both values of a byte of codes. `first_shift` is where a byte has its first column: 0 (low nibble) or 4.
struct PairTable {
  float pair[256][2];
  constexpr PairTable(const float (&values)[16], int first_shift) : pair() {
    for (int byte = 0; byte < 256; ++byte)
      pair[byte][0] = values[byte >> first_shift & 15], pair[byte][1] = values[byte >> (4 - first_shift) & 15];
  }
};
template <int first_shift, const float (&values)[16]>
inline constexpr PairTable pair_table{values, first_shift};

template <int64_t group, int first_shift, const float (&values)[16]>
void decode(const PackedMatrix& matrix, int64_t expert, int64_t row, float* out) {
  const int64_t groups = matrix.columns / group, at = (expert * matrix.rows + row) * groups;
  const uint8_t* codes = matrix.data + at * (group / 2);
  for (int64_t g = 0; g < groups; ++g, codes += group / 2, out += group) {
    const float scale = load_as<float>(matrix.scales + 4 * (at + g));
    for (int64_t b = 0; b < group / 2; ++b) {
      const float* pair = pair_table<first_shift, values>.pair[codes[b]];
      out[2 * b] = pair[0] * scale, out[2 * b + 1] = pair[1] * scale;
    }
  }
}

template <int64_t group, int first_shift, const float (&values)[16], float (*quantize)(const float*, int64_t, uint8_t*)>
constexpr LayoutCode code() {
  return {decode<group, first_shift, values>, put_floats<group, quantize>, nullptr, {}};
}

}  // namespace mxpath::nibble_rows
