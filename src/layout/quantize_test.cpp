// The layouts that round: against the scalar code of src/formats, byte by byte where the contract is bytes.
#include "layout/quantize.h"

#include "formats/fp8_row.h"
#include "formats/int4.h"
#include "formats/int8.h"
#include "formats/nf4.h"
#include "layout/layout_code.h"
#include "layout/pack_fixture_for_test.h"

namespace mxpath {
namespace {

constexpr Layout rounding[] = {Layout::fp8_e4m3_rows, Layout::fp8_e5m2_rows, Layout::int8_rows,
                               Layout::int8_rows16,   Layout::int4_g32_rows, Layout::int4_g64_rows,
                               Layout::nf4_g32_rows,  Layout::nf4_g64_rows};

/// Weights as they are in a model, with rows of zeros, of one outlier, and of numbers near the ends of float32.
std::vector<float> weights(Random& random, int64_t rows, int64_t columns) {
  std::vector<float> values(static_cast<size_t>(rows * columns));
  for (int64_t r = 0; r < rows; ++r) {
    const int exponent = r % 7 == 1 ? -140 : r % 7 == 2 ? 125 : static_cast<int>(random.integer(-12, 4));
    for (int64_t c = 0; c < columns; ++c)
      values[static_cast<size_t>(r * columns + c)] =
          r % 7 == 0 ? 0 : static_cast<float>(std::ldexp(random.uniform(-1, 1), exponent));
    if (r % 7 == 3) values[static_cast<size_t>(r * columns)] = 1000;
  }
  return values;
}

std::vector<float> held(Layout layout, std::vector<float> values, int64_t columns) {
  for (size_t begin = 0; begin < values.size(); begin += static_cast<size_t>(columns))
    quantised_reference(layout, std::span(values).subspan(begin, static_cast<size_t>(columns)));
  return values;
}

TEST(QuantizeTest, GivesTheCodesAndScalesOfTheScalarCode) {
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    constexpr size_t count = 64;
    float values[count];
    const int exponent = static_cast<int>(random.integer(-149, 127)), spread = static_cast<int>(random.integer(0, 30));
    for (float& value : values)
      value = static_cast<float>(
          std::ldexp(random.integer(-64, 64) / 64.0, exponent - static_cast<int>(random.integer(0, spread))));
    uint8_t fast[count], careful[count];
    float scale = 0;
    encode_int8_groups(values, count, count, reinterpret_cast<int8_t*>(careful), &scale);
    ASSERT_EQ(scale, quantize_int8(values, count, reinterpret_cast<int8_t*>(fast)));
    ASSERT_EQ(0, std::memcmp(fast, careful, count)) << "int8, scale " << scale;
    scale = encode_e4m3_row(values, count, careful);
    ASSERT_EQ(scale, quantize_e4m3(values, count, fast));
    ASSERT_EQ(0, std::memcmp(fast, careful, count)) << "e4m3, scale " << scale;
    scale = encode_e5m2_row(values, count, careful);
    ASSERT_EQ(scale, quantize_e5m2(values, count, fast));
    ASSERT_EQ(0, std::memcmp(fast, careful, count)) << "e5m2, scale " << scale;
    encode_int4_groups(values, count, count, careful, &scale);
    ASSERT_EQ(scale, quantize_int4(values, count, fast));
    ASSERT_EQ(0, std::memcmp(fast, careful, count / 2)) << "int4, scale " << scale;
    encode_nf4_blocks(values, count, careful, &scale, count);
    ASSERT_EQ(scale, quantize_nf4(values, count, fast));
    ASSERT_EQ(0, std::memcmp(fast, careful, count / 2)) << "nf4, absmax " << scale;
  }
}

TEST(Fp16RowsTest, DecodesEveryCodeAsTheFormatSays) {
  std::vector<uint16_t> codes(65536);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint16_t>(i);
  std::vector<float> row(codes.size());
  decode_row({Layout::fp16_rows, 1, 1, 65536, reinterpret_cast<const uint8_t*>(codes.data()), nullptr}, 0, 0,
             row.data());
  for (size_t i = 0; i < codes.size(); ++i) {
    const float expected = decode_fp16(codes[i]);
    if (std::isnan(expected)) ASSERT_TRUE(std::isnan(row[i])) << i;
    else ASSERT_EQ(std::bit_cast<uint32_t>(row[i]), std::bit_cast<uint32_t>(expected)) << i;
  }
}

TEST(QuantizeTest, MarksARowThatHoldsNoNumber) {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()})
    for (Layout layout : rounding) {
      std::vector<float> values(64, 1.0f), row(64);
      values[40] = bad;
      Target target(layout_bytes(layout, 1, 1, 64));
      decode_row(pack_floats(layout, 1, 1, 64, values, target.bytes()), 0, 0, row.data());
      EXPECT_TRUE(std::isnan(row[40])) << name_of(layout);
    }
}

TEST(RoundingLayoutTest, HoldsWhatTheScalarCodeSaysForRaggedShapes) {
  Random random(2);
  for (Layout layout : rounding)
    for (int64_t experts : {1, 3})
      for (int64_t rows : {1, 15, 16, 17, 40})
        for (int64_t columns :
             group_of(layout) ? std::vector<int64_t>{64, 192} : std::vector<int64_t>{1, 2, 3, 31, 32, 33, 98}) {
          const std::vector<float> values = weights(random, experts * rows, columns);
          Target target(layout_bytes(layout, experts, rows, columns));
          expect_rows(pack_floats(layout, experts, rows, columns, values, target.bytes()),
                      held(layout, values, columns));
          ASSERT_TRUE(target.intact()) << name_of(layout);
        }
}

TEST(RoundingLayoutTest, KnowsTheBytesOfAnExpert) {
  for (Layout layout : rounding)
    for (int64_t rows : {16, 33}) {
      const PackedMatrix matrix{layout, 4, rows, 64, nullptr, nullptr};
      const int64_t codes_end = (4 * matrix.expert_bytes() + 63) / 64 * 64;
      EXPECT_EQ(static_cast<uint64_t>(codes_end + 4 * matrix.expert_scale_bytes()), layout_bytes(layout, 4, rows, 64))
          << name_of(layout);
    }
}

/// Packs one expert of 2 × columns and returns its bytes.
std::vector<uint8_t> bytes_of(Layout layout, int64_t columns, const std::vector<float>& values) {
  Target target(layout_bytes(layout, 1, 2, columns));
  pack_floats(layout, 1, 2, columns, values, target.bytes());
  return {target.data(), target.data() + target.size};
}

float float_at(const std::vector<uint8_t>& bytes, size_t offset) {
  float value;
  std::memcpy(&value, bytes.data() + offset, 4);
  return value;
}

// The bytes below are written out by hand: kernels of other devices are made against them.

TEST(RoundingLayoutTest, PutsInt8WhereTheContractSays) {
  // Row 0: 127, -127, 64, 0, 1; row 1: 0, 2 × (5, 127), 0, 0.
  const std::vector<float> values = {127, -127, 64, 0, 1, 0, 10, 254, 0, 0};
  const std::vector<uint8_t> rows = bytes_of(Layout::int8_rows, 5, values);
  ASSERT_EQ(rows.size(), 64u + 8);
  EXPECT_EQ(std::vector<uint8_t>(rows.begin(), rows.begin() + 10),
            (std::vector<uint8_t>{127, 0x81, 64, 0, 1, 0, 5, 127, 0, 0}));
  EXPECT_EQ(float_at(rows, 64), 1);
  EXPECT_EQ(float_at(rows, 68), 2);
  const std::vector<uint8_t> lines = bytes_of(Layout::int8_rows16, 5, values);  // two lines of 16 rows × 4 columns
  ASSERT_EQ(lines.size(), 128u + 64);
  EXPECT_EQ(std::vector<uint8_t>(lines.begin(), lines.begin() + 8),
            (std::vector<uint8_t>{127, 0x81, 64, 0, 0, 5, 127, 0}));
  EXPECT_EQ(std::vector<uint8_t>(lines.begin() + 64, lines.begin() + 72),
            (std::vector<uint8_t>{1, 0, 0, 0, 0, 0, 0, 0}));
  for (size_t i : {size_t{8}, size_t{63}, size_t{72}, size_t{127}}) EXPECT_EQ(lines[i], 0) << "padding " << i;
  EXPECT_EQ(float_at(lines, 128), 1);
  EXPECT_EQ(float_at(lines, 132), 2);
  EXPECT_EQ(float_at(lines, 136), 0);
}

TEST(RoundingLayoutTest, PutsFp8WhereTheContractSays) {
  const std::vector<float> values = {448, -1, 0.015625f, 896, 2, 0};
  const std::vector<uint8_t> bytes = bytes_of(Layout::fp8_e4m3_rows, 3, values);
  ASSERT_EQ(bytes.size(), 64u + 8);
  EXPECT_EQ(std::vector<uint8_t>(bytes.begin(), bytes.begin() + 6),
            (std::vector<uint8_t>{0x7e, 0xb8, 0x08, 0x7e, 0x38, 0}));
  EXPECT_EQ(float_at(bytes, 64), 1);
  EXPECT_EQ(float_at(bytes, 68), 2);
  const std::vector<uint8_t> wide = bytes_of(Layout::fp8_e5m2_rows, 3, {57344, -1, 0x1p-16f, 114688, 2, 0});
  EXPECT_EQ(std::vector<uint8_t>(wide.begin(), wide.begin() + 6),
            (std::vector<uint8_t>{0x7b, 0xbc, 0x01, 0x7b, 0x3c, 0}));
}

TEST(RoundingLayoutTest, PutsNibblesWhereTheContractSays) {
  for (auto [layout, group] : {std::pair{Layout::int4_g32_rows, 32}, {Layout::int4_g64_rows, 64}}) {
    std::vector<float> values(128, 0.0f);
    values[0] = 7, values[1] = -3, values[64 + 63] = 14;  // row 0: scale 1 in its first group; row 1: 2 in its last
    const std::vector<uint8_t> bytes = bytes_of(layout, 64, values);
    EXPECT_EQ(bytes[0], 0x5f);
    EXPECT_EQ(bytes[1], 0x88);
    EXPECT_EQ(bytes[63], 0xf8);
    EXPECT_EQ(float_at(bytes, 64), 1);
    EXPECT_EQ(float_at(bytes, bytes.size() - 4), 2);
    EXPECT_EQ(bytes.size(), 64u + 2 * 4 * (64u / static_cast<size_t>(group)));
  }
  for (Layout layout : {Layout::nf4_g32_rows, Layout::nf4_g64_rows}) {
    std::vector<float> values(128, 0.0f);
    values[0] = -3, values[1] = 3 * nf4_values[9], values[64 + 63] = 2;
    const std::vector<uint8_t> bytes = bytes_of(layout, 64, values);
    EXPECT_EQ(bytes[0], 0x09);  // the first column is in the high nibble
    EXPECT_EQ(bytes[1], 0x77);
    EXPECT_EQ(bytes[63], 0x7f);
    EXPECT_EQ(float_at(bytes, 64), 3);
    EXPECT_EQ(float_at(bytes, bytes.size() - 4), 2);
  }
}

TEST(PackTest, RoundsEverySourceAlike) {
  Random random(3);
  for (const SourceKind& kind : kinds)
    for (auto [rows, columns] : {std::pair{40, 192}, {150, 64}}) {
      const std::vector<float> values = grid_values(random, 3 * rows * columns);
      Fixture fixture;
      fixture.add(kind.encoding, 3, rows, columns, values, kind.transposed);
      fixture.open();
      for (Layout layout : rounding)
        for (int threads : {1, 3}) {
          Target target(layout_bytes(layout, 3, rows, columns));
          const auto matrix = fixture.pack_into(target, layout, {0}, threads);
          ASSERT_TRUE(matrix.ok()) << matrix.error().message;
          expect_rows(*matrix, held(layout, values, columns));
          ASSERT_TRUE(target.intact());
        }
    }
}

TEST(PackTest, QuantisesFloatsToMxfp4WithTheCeilRule) {
  Random random(4);
  for (Encoding encoding : {Encoding::bf16, Encoding::f16, Encoding::f32})
    for (Layout layout : {Layout::mxfp4_rows, Layout::mxfp4_rows16}) {
      std::vector<float> values(20 * 96), expected;
      for (float& value : values) value = round_bf16(round_fp16(static_cast<float>(random.uniform(-1, 1))));
      values[40] = 6.5f;  // ocp would saturate it at 6; ceil goes to the next scale and rounds it to 6
      for (size_t begin = 0; begin < values.size(); begin += 32) {
        uint8_t codes[16];
        float block[32];
        const uint8_t scale = encode_mxfp4_block(&values[begin], codes, ScaleRule::ceil, NibbleOrder::adjacent);
        decode_mxfp4_block(codes, scale, block, NibbleOrder::adjacent);
        expected.insert(expected.end(), block, block + 32);
      }
      EXPECT_EQ(expected, held(layout, values, 96));
      Fixture fixture;
      fixture.add(encoding, 1, 20, 96, values);
      fixture.open();
      Target target(layout_bytes(layout, 1, 20, 96));
      const auto matrix = fixture.pack_into(target, layout, {0}, 2);
      ASSERT_TRUE(matrix.ok()) << matrix.error().message;
      expect_rows(*matrix, expected);
    }
}

TEST(PackTest, CountsTheValuesThatBecomeOthers) {
  // 1 + 2^-9 is no BF16 number, 100.5 is one; INT8 has neither under the scale 1.
  std::vector<float> values(2 * 40 * 64, 127.0f);
  values[7] = values[64 * 40 + 9] = values[64 * 79 + 63] = 1 + 0x1p-9f, values[100] = 100.5f;
  for (auto [layout, expected] : {std::pair{Layout::fp32_rows, 0u},
                                  {Layout::bf16_rows, 3u},
                                  {Layout::bf16_rows16, 3u},
                                  {Layout::int8_rows16, 4u}}) {
    Fixture fixture;
    fixture.add(Encoding::f32, 2, 40, 64, values);
    const Checkpoint& checkpoint = fixture.open();
    const TensorRecord* record = &checkpoint.manifest().tensors[0];
    for (int threads : {1, 3}) {
      Target target(layout_bytes(layout, 2, 40, 64));
      ThreadPool pool(threads);
      uint64_t rounded = 10;
      ASSERT_TRUE(pack(layout, {&checkpoint, std::span(&record, 1)}, target.bytes(), pool, &rounded).ok());
      EXPECT_EQ(rounded, 10 + expected) << name_of(layout);
    }
  }
}

TEST(PackTest, RefusesColumnsThatDoNotDivideIntoGroups) {
  Random random(5);
  Fixture fixture;
  fixture.add(Encoding::bf16, 1, 4, 96, grid_values(random, 4 * 96));
  fixture.open();
  Target target(4096);
  for (Layout layout : {Layout::int4_g64_rows, Layout::nf4_g64_rows}) {
    const auto matrix = fixture.pack_into(target, layout, {0}, 1);
    ASSERT_FALSE(matrix.ok());
    EXPECT_NE(matrix.error().message.find("96 columns do not divide into groups of 64"), std::string::npos)
        << matrix.error().message;
  }
}

TEST(PackTest, RefusesWhatAScaleWouldMakeInfinite) {
  // 3.39e38 is a float; the number of the MXFP4 grid next to it, 4 · 2^126, is none, and 7 · (3.4028235e38 / 7) may be
  // none either.
  int refused = 0;
  for (const float large : {0x1.fep127f, -0x1.fep127f, std::numeric_limits<float>::max()})
    for (const Layout layout : {Layout::mxfp4_rows, Layout::mxfp4_rows16, Layout::fp8_e4m3_rows, Layout::fp8_e5m2_rows,
                                Layout::int8_rows, Layout::int8_rows16, Layout::int4_g32_rows, Layout::nf4_g64_rows}) {
      std::vector<float> values(20 * 64, 1.0f);
      values[17 * 64 + 7] = large;
      Fixture fixture;
      fixture.add(Encoding::f32, 1, 20, 64, values);
      const Checkpoint& checkpoint = fixture.open();
      const TensorRecord* record = &checkpoint.manifest().tensors[0];
      Target target(layout_bytes(layout, 1, 20, 64));
      ThreadPool pool(1);
      uint64_t rounded = 0;
      const auto matrix = pack(layout, {&checkpoint, std::span(&record, 1)}, target.bytes(), pool, &rounded);
      if (!matrix.ok()) {
        ++refused;
        EXPECT_NE(matrix.error().message.find("at row 17, column 7, more than "), std::string::npos)
            << matrix.error().message;
        continue;
      }
      std::vector<float> row(64);
      decode_row(*matrix, 0, 17, row.data());
      for (const float x : row) EXPECT_TRUE(std::isfinite(x)) << name_of(layout) << " of " << large;
      EXPECT_GT(rounded, 0u) << name_of(layout) << ": the ones beside it are gone";
    }
  EXPECT_GE(refused, 6) << "MXFP4 holds none of the three";
}

TEST(PackTest, RefusesWhatIsTooLargeForTheFormat) {
  for (const int experts : {1, 2})
    for (auto [layout, fits] :
         {std::pair{Layout::fp16_rows, false}, {Layout::bf16_rows, true}, {Layout::int8_rows, true}}) {
      std::vector<float> values(static_cast<size_t>(experts) * 3 * 32, 1.0f);
      values[values.size() - 32 + 7] = -65520;  // rounds to infinity in FP16
      Fixture fixture;
      fixture.add(Encoding::f32, experts, 3, 32, values);
      fixture.open();
      Target target(layout_bytes(layout, experts, 3, 32));
      const auto matrix = fixture.pack_into(target, layout, {0}, 1);
      ASSERT_EQ(matrix.ok(), fits) << name_of(layout);
      if (fits) continue;
      const std::string says = std::string("file: tensor tensor.0 is -65520 at ") + (experts == 2 ? "expert 1, " : "") +
                               "row 2, column 7, more than fp16 can hold; hold these weights as they are stored";
      EXPECT_TRUE(matrix.error().message.ends_with(says)) << matrix.error().message;
    }
}

}  // namespace
}  // namespace mxpath
