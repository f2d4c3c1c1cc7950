// Hand-made checkpoints and exact memory for the tests of src/layout.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "checkpoint/test_folder.h"
#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/mxfp4.h"
#include "layout/packed_matrix.h"

namespace mxpath {

/// Values that every float layout, mxfp4 and every encoding hold exactly: E2M1 codes times powers of two that FP16 has
/// too.
inline std::vector<float> grid_values(Random& random, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  float scale = 1;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % 32 == 0) scale = std::ldexp(1.0f, static_cast<int>(random.integer(-8, 8)));
    values[i] = e2m1_values[random.integer(0, 15)] * scale;
  }
  return values;
}

/// Memory of exactly the size that layout_bytes says, 64-byte aligned, with a guard behind it.
struct Target {
  explicit Target(uint64_t bytes) : size(bytes), memory(bytes + 128) { std::memset(data() + size, 0xa5, 64); }
  uint8_t* data() { return memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64; }
  std::span<uint8_t> bytes() { return {data(), size}; }
  bool intact() {
    for (uint64_t i = 0; i < 64; ++i)
      if (data()[size + i] != 0xa5) return false;
    return true;
  }
  uint64_t size;
  std::vector<uint8_t> memory;
};

inline void expect_rows(const PackedMatrix& matrix, const std::vector<float>& values) {
  std::vector<float> row(static_cast<size_t>(matrix.columns));
  for (int64_t e = 0; e < matrix.experts; ++e)
    for (int64_t r = 0; r < matrix.rows; ++r) {
      std::fill(row.begin(), row.end(), std::numeric_limits<float>::quiet_NaN());
      decode_row(matrix, e, r, row.data());
      for (int64_t c = 0; c < matrix.columns; ++c)
        ASSERT_EQ(row[static_cast<size_t>(c)], values[static_cast<size_t>((e * matrix.rows + r) * matrix.columns + c)])
            << name_of(matrix.layout) << ", expert " << e << ", row " << r << ", column " << c << " of "
            << matrix.experts << " × " << matrix.rows << " × " << matrix.columns;
    }
}

/// A checkpoint of hand-made tensors in one file.
class Fixture {
 public:
  int64_t add(Encoding encoding, int experts, int64_t rows, int64_t columns, const std::vector<float>& values,
              bool transposed = false, int64_t skip = 0) {
    TensorRecord record{};
    record.role = Role::gate_up_weight, record.name = "tensor." + std::to_string(tensors.size()),
    record.encoding = encoding, record.transposed = transposed;
    record.experts = experts, record.rows = rows - skip, record.columns = columns, record.first_row = skip,
    record.stored_rows = rows;
    bytes.push_back('x');  // nothing in a file need be aligned
    record.data.file = 0, record.data.offset = bytes.size();
    std::string scales;
    for (int e = 0; e < experts; ++e)
      append(encoding, rows, columns, values.data() + e * rows * columns, transposed, scales);
    record.data.bytes = bytes.size() - record.data.offset;
    if (encoding == Encoding::mxfp4_blocks)
      record.scales.file = 0, record.scales.offset = bytes.size(), record.scales.bytes = scales.size(), bytes += scales;
    tensors.push_back(record);
    return static_cast<int64_t>(tensors.size()) - 1;
  }
  const Checkpoint& open() {
    folder.write("file", bytes);
    Manifest manifest;
    manifest.files = {folder / "file"}, manifest.tensors = tensors;
    checkpoint.emplace(std::move(Checkpoint::open(std::move(manifest)).value()));
    return *checkpoint;
  }
  /// Packs tensors, stacked in this order.
  Result<PackedMatrix> pack_into(Target& target, Layout layout, std::vector<size_t> which, int threads) {
    std::vector<const TensorRecord*> records;
    for (size_t i : which) records.push_back(&checkpoint->manifest().tensors[i]);
    ThreadPool pool(threads);
    return pack(layout, PackSource{&*checkpoint, records}, target.bytes(), pool);
  }

  TestFolder folder;
  std::string bytes = "abc";
  std::vector<TensorRecord> tensors;
  std::optional<Checkpoint> checkpoint;

 private:
  void append(Encoding encoding, int64_t rows, int64_t columns, const float* values, bool transposed,
              std::string& scales) {
    if (encoding == Encoding::mxfp4_blocks) {
      for (int64_t b = 0; b < rows * columns / 32; ++b) {
        uint8_t codes[16];
        scales.push_back(
            static_cast<char>(encode_mxfp4_block(values + 32 * b, codes, ScaleRule::ceil, NibbleOrder::adjacent)));
        bytes.append(reinterpret_cast<const char*>(codes), 16);
      }
      return;
    }
    for (int64_t i = 0; i < rows * columns; ++i) {
      const float value = transposed ? values[i % rows * columns + i / rows] : values[i];
      const uint16_t half = encoding == Encoding::bf16 ? encode_bf16(value) : encode_fp16(value);
      if (encoding == Encoding::f32) bytes.append(reinterpret_cast<const char*>(&value), 4);
      else bytes.append(reinterpret_cast<const char*>(&half), 2);
    }
  }
};

struct SourceKind {
  Encoding encoding;
  bool transposed;
};
inline constexpr SourceKind kinds[] = {
    {Encoding::bf16, false}, {Encoding::f16, false}, {Encoding::f32, false}, {Encoding::mxfp4_blocks, false},
    {Encoding::bf16, true},  {Encoding::f16, true},  {Encoding::f32, true}};

}  // namespace mxpath
