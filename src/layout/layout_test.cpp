// Every layout gives back what the checkpoint holds, whatever the source looks like.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "layout/layout_code.h"
#include "layout/pack_fixture_for_test.h"

namespace mxpath {
namespace {

/// Those that hold grid_values exactly.
constexpr Layout layouts[] = {Layout::fp32_rows,   Layout::fp16_rows,  Layout::bf16_rows,
                              Layout::bf16_rows16, Layout::mxfp4_rows, Layout::mxfp4_rows16};
bool is_mxfp4(Layout layout) { return format_of(layout) == NumberFormat::mxfp4; }

TEST(LayoutTest, GivesBackWhatWasPackedForRaggedShapes) {
  Random random(1);
  for (Layout layout : layouts)
    for (int64_t experts : {1, 3})
      for (int64_t rows : {1, 15, 16, 17, 40})
        for (int64_t columns :
             is_mxfp4(layout) ? std::vector<int64_t>{32, 96, 160} : std::vector<int64_t>{1, 2, 31, 32, 33, 97}) {
          const std::vector<float> values = grid_values(random, experts * rows * columns);
          Target target(layout_bytes(layout, experts, rows, columns));
          expect_rows(pack_floats(layout, experts, rows, columns, values, target.bytes()), values);
          ASSERT_TRUE(target.intact()) << name_of(layout);
        }
}

TEST(LayoutTest, EncodesBlocksAsTheFormatSays) {
  Random random(12);
  for (int i = 0; i < 20000; ++i) {
    float values[32];
    const int exponent = static_cast<int>(random.integer(-149, 127)), spread = static_cast<int>(random.integer(0, 6));
    for (float& value : values)
      value = static_cast<float>(
          std::ldexp(random.integer(-64, 64) / 64.0, exponent - static_cast<int>(random.integer(0, spread))));
    uint8_t fast[16], careful[16];
    const uint8_t scale = encode_block(values, fast);
    ASSERT_EQ(scale, encode_mxfp4_block(values, careful, ScaleRule::ceil, NibbleOrder::adjacent));
    ASSERT_EQ(0, std::memcmp(fast, careful, 16)) << "scale " << int{scale};
  }
}

/// The map and the scalar formats against the code of each layout, any bytes: bit for bit.
TEST(LayoutTest, EveryValueLiesWhereTheMapSays) {
  Random random(31);
  for (int i = 0; i < layout_count; ++i) {
    const Layout layout = static_cast<Layout>(i);
    if (layout == Layout::none || layout == Layout::any) continue;
    for (const int64_t rows : {1, 16, 35})
      for (const int64_t columns : group_of(layout) ? std::vector<int64_t>{64, 192} : std::vector<int64_t>{1, 33, 64}) {
        std::vector<float> values(static_cast<size_t>(3 * rows * columns));
        for (float& value : values) value = static_cast<float>(random.uniform(-2, 2));
        Target target(layout_bytes(layout, 3, rows, columns));
        const PackedMatrix matrix = pack_floats(layout, 3, rows, columns, values, target.bytes());
        std::vector<float> row(static_cast<size_t>(columns));
        for (int64_t expert = 0; expert < 3; ++expert)
          for (int64_t r = 0; r < rows; ++r) {
            layout_code(layout).decode_row(matrix, expert, r, row.data());
            for (int64_t c = 0; c < columns; ++c) {
              const float value = value_at(matrix, expert, r, c);
              ASSERT_EQ(0, std::memcmp(&value, &row[static_cast<size_t>(c)], 4))
                  << name_of(layout) << ": expert " << expert << ", row " << r << ", column " << c;
            }
          }
      }
  }
}

TEST(LayoutTest, KnowsTheBytesOfAnExpert) {
  for (Layout layout : layouts)
    for (int64_t rows : {16, 33}) {
      const PackedMatrix matrix{layout, 4, rows, 64, nullptr, nullptr};
      const int64_t codes = 4 * matrix.expert_bytes(), codes_end = is_mxfp4(layout) ? (codes + 63) / 64 * 64 : codes;
      EXPECT_EQ(static_cast<uint64_t>(codes_end + 4 * matrix.expert_scale_bytes()), layout_bytes(layout, 4, rows, 64))
          << name_of(layout);
    }
}

TEST(LayoutTest, PadsWithZeros) {
  const std::vector<float> values(3 * 33, 1.0f);
  Target target(layout_bytes(Layout::bf16_rows16, 1, 3, 33));
  const PackedMatrix matrix = pack_floats(Layout::bf16_rows16, 1, 3, 33, values, target.bytes());
  int nonzero = 0;
  for (uint64_t i = 0; i < target.size; i += 2) nonzero += matrix.data[i] != 0 || matrix.data[i + 1] != 0;
  EXPECT_EQ(nonzero, 3 * 33);
}

TEST(LayoutTest, PutsTheNibblesOfRows16WhereTheKernelsLook) {
  // Row r, column c has code c % 16 in row 3 and code 0 elsewhere; 6 in each block fixes the scale at 1.
  std::vector<float> values(16 * 32, 0.0f);
  for (size_t c = 0; c < 32; ++c) values[3 * 32 + c] = e2m1_values[c % 16];
  Target target(layout_bytes(Layout::mxfp4_rows16, 1, 16, 32));
  const PackedMatrix matrix = pack_floats(Layout::mxfp4_rows16, 1, 16, 32, values, target.bytes());
  for (int q = 0; q < 4; ++q) {
    uint32_t lane, other;
    std::memcpy(&lane, matrix.data + q * 64 + 3 * 4, 4);
    std::memcpy(&other, matrix.data + q * 64 + 4 * 4, 4);
    // Columns 8q, +2, +4, +6 in the lower half, 8q + 1, +3, +5, +7 in the upper.
    EXPECT_EQ(lane, q % 2 == 0 ? 0x75316420u : 0xfdb9eca8u) << q;
    EXPECT_EQ(other, 0u);
  }
  EXPECT_EQ(matrix.scales[3], 127);
}

TEST(PackTest, GivesEveryLayoutTheValuesOfEverySource) {
  Random random(2);
  for (const SourceKind& kind : kinds)
    for (auto [rows, columns] : {std::pair{40, 96}, {150, 32}, {16, 64}, {1, 32}}) {
      const std::vector<float> values = grid_values(random, 3 * rows * columns);
      Fixture fixture;
      fixture.add(kind.encoding, 3, rows, columns, values, kind.transposed);
      const Checkpoint& checkpoint = fixture.open();
      std::vector<float> truth(static_cast<size_t>(columns));
      checkpoint.decode_row(checkpoint.manifest().tensors[0], 2, rows - 1, truth);
      ASSERT_EQ(0, std::memcmp(truth.data(), values.data() + (3 * rows - 1) * columns, truth.size() * 4))
          << "the fixture itself is wrong";
      for (Layout layout : layouts)
        for (int threads : {1, 3}) {
          Target target(layout_bytes(layout, 3, rows, columns));
          const auto matrix = fixture.pack_into(target, layout, {0}, threads);
          ASSERT_TRUE(matrix.ok()) << matrix.error().message;
          expect_rows(*matrix, values);
          ASSERT_TRUE(target.intact());
        }
    }
}

TEST(PackTest, StacksTensorsAndSkipsRowsOfFusedOnes) {
  Random random(3);
  // 24 + 8 rows and 10 of a fused tensor of 30: groups of 16 are filled from several sources.
  const std::vector<float> q = grid_values(random, 24 * 64), k = grid_values(random, 8 * 64),
                           fused = grid_values(random, 30 * 64);
  for (Encoding encoding : {Encoding::bf16, Encoding::f32}) {
    Fixture fixture;
    fixture.add(encoding, 1, 24, 64, q), fixture.add(encoding, 1, 8, 64, k),
        fixture.add(encoding, 1, 30, 64, fused, false, 20);
    fixture.open();
    std::vector<float> all = q;
    all.insert(all.end(), k.begin(), k.end()), all.insert(all.end(), fused.begin() + 20 * 64, fused.end());
    for (Layout layout : layouts) {
      Target target(layout_bytes(layout, 1, 42, 64));
      const auto matrix = fixture.pack_into(target, layout, {0, 1, 2}, 2);
      ASSERT_TRUE(matrix.ok()) << matrix.error().message;
      expect_rows(*matrix, all);
    }
  }
}

TEST(PackTest, KeepsTheBitsOfMxfp4) {
  // All codes under the smallest, a usual and the largest scale, -0 included: not only equal values, the same bits as
  // formats/mxfp4.
  std::vector<uint8_t> codes(16 * 3 * 16), scales = {0, 127, 252};
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(i * 37 + i / 16);
  Fixture fixture;
  TensorRecord record{};
  record.name = "blocks", record.encoding = Encoding::mxfp4_blocks, record.rows = record.stored_rows = 16,
  record.columns = 96;
  record.data.file = 0, record.data.offset = fixture.bytes.size(), record.data.bytes = codes.size();
  fixture.bytes.append(codes.begin(), codes.end());
  record.scales.file = 0, record.scales.offset = fixture.bytes.size(), record.scales.bytes = 48;
  for (int r = 0; r < 16; ++r) fixture.bytes.append(scales.begin(), scales.end());
  fixture.tensors.push_back(record);
  fixture.open();
  for (Layout layout : {Layout::mxfp4_rows, Layout::mxfp4_rows16, Layout::fp32_rows}) {
    Target target(layout_bytes(layout, 1, 16, 96));
    const auto matrix = fixture.pack_into(target, layout, {0}, 1);
    ASSERT_TRUE(matrix.ok());
    for (size_t r = 0; r < 16; ++r) {
      float want[96], got[96];
      decode_mxfp4_blocks(codes.data() + r * 48, scales.data(), 3, want, NibbleOrder::adjacent);
      decode_row(*matrix, 0, static_cast<int64_t>(r), got);
      ASSERT_EQ(0, std::memcmp(want, got, sizeof want)) << name_of(layout) << ", row " << r;
    }
  }
}

TEST(PackTest, SaysWhereAValueIsNotANumber) {
  Random random(5);
  for (const SourceKind& kind : kinds) {
    if (kind.encoding == Encoding::mxfp4_blocks) continue;
    for (float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      std::vector<float> values = grid_values(random, 2 * 70 * 32);
      values[(70 + 66) * 32 + 5] = bad;
      Fixture fixture;
      fixture.add(kind.encoding, 2, 70, 32, values, kind.transposed);
      fixture.open();
      Target target(layout_bytes(Layout::bf16_rows16, 2, 70, 32));
      const auto matrix = fixture.pack_into(target, Layout::bf16_rows16, {0}, 2);
      ASSERT_FALSE(matrix.ok());
      EXPECT_NE(matrix.error().message.find("/file: tensor tensor.0 is NaN or infinite at expert 1, row 66, column 5;"),
                std::string::npos)
          << matrix.error().message;
    }
  }
}

TEST(PackTest, SaysWhereAScaleIsNotANumber) {
  Random random(6);
  Fixture fixture;
  fixture.add(Encoding::mxfp4_blocks, 2, 20, 64, grid_values(random, 2 * 20 * 64));
  fixture.bytes[fixture.tensors[0].scales.offset + (20 + 7) * 2 + 1] = '\xff';
  fixture.open();
  for (Layout layout : layouts) {
    Target target(layout_bytes(layout, 2, 20, 64));
    const auto matrix = fixture.pack_into(target, layout, {0}, 1);
    ASSERT_FALSE(matrix.ok()) << name_of(layout);
    EXPECT_NE(
        matrix.error().message.find("/file: the scale of tensor tensor.0 is 255 (NaN) at expert 1, row 7, block 1"),
        std::string::npos)
        << matrix.error().message;
  }
}

TEST(PackTest, SaysWhereABlockIsInfinite) {
  Random random(6);
  Fixture fixture;
  fixture.add(Encoding::mxfp4_blocks, 2, 20, 64, grid_values(random, 2 * 20 * 64));
  const size_t block = (20 + 7) * 2 + 1;
  fixture.bytes[fixture.tensors[0].scales.offset + block] = '\xfe';
  for (size_t i = 0; i < 16; ++i)
    fixture.bytes[fixture.tensors[0].data.offset + block * 16 + i] = i == 3 ? '\x41' : '\0';
  fixture.open();
  for (Layout layout : layouts) {
    Target target(layout_bytes(layout, 2, 20, 64));
    const auto matrix = fixture.pack_into(target, layout, {0}, 1);
    ASSERT_FALSE(matrix.ok()) << name_of(layout);
    EXPECT_NE(matrix.error().message.find("/file: tensor tensor.0 is NaN or infinite at expert 1, row 7, column 39;"),
              std::string::npos)
        << matrix.error().message;
  }
}

TEST(PackTest, RefusesShapesThatMxfp4CannotHold) {
  Random random(7);
  Fixture fixture;
  fixture.add(Encoding::bf16, 1, 4, 33, grid_values(random, 4 * 33));
  fixture.open();
  Target target(4096);
  const auto matrix = fixture.pack_into(target, Layout::mxfp4_rows, {0}, 1);
  ASSERT_FALSE(matrix.ok());
  EXPECT_NE(matrix.error().message.find("33 columns do not divide into groups of 32, which mxfp4_rows needs"),
            std::string::npos);
}

TEST(PackTest, RoundsToTheNearestWhereALayoutIsNarrower) {
  Fixture fixture;
  fixture.add(Encoding::f32, 1, 1, 2, {1.00390625f, 1.01171875f});  // halfway between two bf16 numbers: to even
  fixture.open();
  Target target(layout_bytes(Layout::bf16_rows, 1, 1, 2));
  float row[2];
  decode_row(*fixture.pack_into(target, Layout::bf16_rows, {0}, 1), 0, 0, row);
  EXPECT_EQ(row[0], 1.0f);
  EXPECT_EQ(row[1], 1.015625f);
}

TEST(MapStoredTest, ReadsTheFileInPlace) {
  Random random(8);
  const std::vector<float> values = grid_values(random, 2 * 12 * 64);
  for (auto [encoding, layout] : {std::pair{Encoding::bf16, Layout::bf16_rows},
                                  {Encoding::f32, Layout::fp32_rows},
                                  {Encoding::f16, Layout::fp16_rows},
                                  {Encoding::mxfp4_blocks, Layout::mxfp4_rows}}) {
    Fixture fixture;  // the tensor starts at byte 4: "abc" and one more
    fixture.add(encoding, 2, 12, 64, values), fixture.add(Encoding::bf16, 1, 12, 64, values, false, 5);
    const Checkpoint& checkpoint = fixture.open();
    const TensorRecord& record = checkpoint.manifest().tensors[0];
    ASSERT_TRUE(can_map(layout, record)) << name_of(layout);
    expect_rows(map_stored(layout, checkpoint, record), values);
    for (Layout other : layouts) EXPECT_EQ(can_map(other, record), other == layout);
  }
}

TEST(MapStoredTest, SkipsRowsOfAFusedTensor) {
  Random random(9);
  const std::vector<float> values = grid_values(random, 12 * 64);
  Fixture fixture;
  fixture.add(Encoding::bf16, 1, 12, 64, values, false, 5);
  const Checkpoint& checkpoint = fixture.open();
  ASSERT_TRUE(can_map(Layout::bf16_rows, checkpoint.manifest().tensors[0]));
  expect_rows(map_stored(Layout::bf16_rows, checkpoint, checkpoint.manifest().tensors[0]),
              {values.begin() + 5 * 64, values.end()});
}

TEST(MapStoredTest, RefusesWhatCannotBeReadInPlace) {
  TensorRecord record{};
  record.encoding = Encoding::bf16, record.rows = record.stored_rows = 4, record.columns = 4, record.data.file = 0;
  ASSERT_TRUE(can_map(Layout::bf16_rows, record));
  TensorRecord odd = record, transposed = record, fused_experts = record, without_file = record;
  odd.data.offset = 3, transposed.transposed = true, fused_experts.experts = 2, fused_experts.stored_rows = 8,
  without_file.data.file = -1;
  for (const TensorRecord& bad : {odd, transposed, fused_experts, without_file})
    EXPECT_FALSE(can_map(Layout::bf16_rows, bad));
}

}  // namespace
}  // namespace mxpath
