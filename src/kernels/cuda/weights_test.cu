// The device's way of reading weights, run on the host, against src/layout: every layout, ragged shapes, all codes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/cuda/weights.cuh"
#include "layout/packed_matrix.h"

namespace mxpath {
namespace {

struct Matrix {
  std::vector<uint8_t> memory;
  PackedMatrix view;
};

/// Bytes of any value where a layout takes any, MXFP4 scales without 255, finite float scales.
Matrix random_matrix(Layout layout, int64_t experts, int64_t rows, int64_t columns) {
  Random random(static_cast<uint64_t>(rows * 1000 + columns));
  const uint64_t bytes = layout_bytes(layout, experts, rows, columns);
  Matrix matrix;
  matrix.memory.resize(bytes + 64);
  uint8_t* start = matrix.memory.data() + (64 - reinterpret_cast<uintptr_t>(matrix.memory.data()) % 64) % 64;
  const std::vector<float> zeros(static_cast<size_t>(experts * rows * columns));
  matrix.view = pack_floats(layout, experts, rows, columns, zeros, {start, bytes});
  const uint64_t codes = matrix.view.scales ? static_cast<uint64_t>(matrix.view.scales - start) : bytes;
  for (uint64_t i = 0; i < codes; ++i) start[i] = static_cast<uint8_t>(random.integer(0, 255));
  const NumberFormat format = format_of(layout);
  if (format == NumberFormat::mxfp4) {
    for (uint64_t i = codes; i < bytes; ++i)
      start[i] = static_cast<uint8_t>(random.integer(0, 9) == 0 ? 0 : random.integer(0, 254));
  } else {
    for (uint64_t i = codes; i + 4 <= bytes; i += 4) {
      const float scale = static_cast<float>(random.uniform(-2, 2));
      std::memcpy(start + i, &scale, 4);
    }
  }
  return matrix;
}

/// Bit for bit, or both no finite number: codes that no encoder writes.
bool same(float a, float b) { return std::memcmp(&a, &b, 4) == 0 || (!std::isfinite(b)); }

template <WordFormat format>
void expect_row(const WeightView& view, int64_t expert, int64_t row, const std::vector<float>& want) {
  float table[nf4_table_size];
  for (int i = 0; i < nf4_table_size; ++i) table[i] = nf4_value(i);
  const WeightRow from = row_of<format>(view, expert, row);
  constexpr int columns = columns_of_word(format);
  for (int64_t c = 0; c < view.columns; c += columns) {
    uint32_t word;
    std::memcpy(&word, from.codes + c * bits_of(format) / 8, 4);
    float values[columns];
    decode_word<format>(word, table, values);
    const float scale = scale_at<format>(from.scales, c, view.map.scale_shift);
    for (int i = 0; i < columns; ++i)
      ASSERT_TRUE(same(values[i] * scale, want[static_cast<size_t>(c + i)]))
          << "row " << row << ", column " << c + i << ": " << values[i] * scale << ", expected "
          << want[static_cast<size_t>(c + i)];
  }
}

void expect_words(const WeightView& view, int64_t expert, int64_t row, const std::vector<float>& want) {
  switch (readable_format(view)) {
    case WordFormat::any: return;
    case WordFormat::fp32: return expect_row<WordFormat::fp32>(view, expert, row, want);
    case WordFormat::bf16: return expect_row<WordFormat::bf16>(view, expert, row, want);
    case WordFormat::fp16: return expect_row<WordFormat::fp16>(view, expert, row, want);
    case WordFormat::mxfp4: return expect_row<WordFormat::mxfp4>(view, expert, row, want);
    case WordFormat::e4m3: return expect_row<WordFormat::e4m3>(view, expert, row, want);
    case WordFormat::e5m2: return expect_row<WordFormat::e5m2>(view, expert, row, want);
    case WordFormat::int8: return expect_row<WordFormat::int8>(view, expert, row, want);
    case WordFormat::int4: return expect_row<WordFormat::int4>(view, expert, row, want);
    case WordFormat::nf4: return expect_row<WordFormat::nf4>(view, expert, row, want);
  }
}

class CudaWeights : public testing::TestWithParam<Layout> {
 protected:
  std::vector<int64_t> widths() const {
    switch (format_of(GetParam())) {
      case NumberFormat::mxfp4: return {32, 96, 2880};
      case NumberFormat::int4:
      case NumberFormat::nf4: return {64, 192, 2880};
      default: return {1, 2, 7, 32, 33, 100, 1008};
    }
  }
};

TEST_P(CudaWeights, AreWhatTheLayoutSays) {
  for (int64_t columns : widths())
    for (int64_t rows : {1, 3, 16, 17, 35}) {
      const Matrix matrix = random_matrix(GetParam(), 3, rows, columns);
      const WeightView view = view_of(matrix.view);
      std::vector<float> want(static_cast<size_t>(columns));
      for (int64_t expert = 0; expert < 3; ++expert)
        for (int64_t row = 0; row < rows; ++row) {
          decode_row(matrix.view, expert, row, want.data());
          for (int64_t c = 0; c < columns; ++c)
            ASSERT_TRUE(same(weight_at(view, expert, row, c), want[static_cast<size_t>(c)]))
                << expert << ", " << row << ", " << c << " of " << rows << " × " << columns << ": "
                << weight_at(view, expert, row, c) << ", expected " << want[static_cast<size_t>(c)];
          expect_words(view, expert, row, want);
        }
    }
}

TEST_P(CudaWeights, AreReadInWordsExactlyWhereRowsStartOnSixteenBytes) {
  const int64_t columns = widths().back();
  const Matrix matrix = random_matrix(GetParam(), 2, 17, columns);
  WeightView view = view_of(matrix.view);
  EXPECT_EQ(readable_format(view) == WordFormat::any, !is_plain(GetParam()));
  view.data += 4;
  EXPECT_EQ(readable_format(view), WordFormat::any);
  view.data -= 4;
  if (format_of(GetParam()) == NumberFormat::mxfp4 || group_of(GetParam()) != 0) return;
  view.columns += 1;
  EXPECT_EQ(readable_format(view), WordFormat::any);
}

std::vector<Layout> every_layout() {
  std::vector<Layout> layouts;
  for (int i = 0; i < layout_count; ++i)
    if (const Layout layout = static_cast<Layout>(i); layout != Layout::none && layout != Layout::any)
      layouts.push_back(layout);
  return layouts;
}
INSTANTIATE_TEST_SUITE_P(Layouts, CudaWeights, testing::ValuesIn(every_layout()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace mxpath
