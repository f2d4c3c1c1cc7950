#include "convert/blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "checkpoint/test_folder.h"
#include "formats/bf16.h"
#include "formats/mxfp4.h"

namespace mxpath::convert {
namespace {

const LooseTensor& golden(const std::string& name) {
  static std::vector<LooseTensor> tensors =
      load_tensors(MXPATH_SOURCE_DIR "/tests/data/convert/transformers_mxfp4.safetensors");
  return tensor_named(tensors, name);
}

/// transformers' own dequantisation, byte for byte: every code under every scale in `every`.
TEST(Blocks, DecodeToTheBytesThatTransformersGives) {
  for (const std::string name : {"gate_up_proj", "down_proj", "every"}) {
    const LooseTensor &blocks = golden(name + "_blocks"), &scales = golden(name + "_scales"), &want = golden(name);
    const size_t experts = blocks.shape[0], rows = blocks.shape[1], count = blocks.shape[2],
                 columns = count * mxfp4_block;
    ASSERT_EQ(want.shape, (std::vector<uint64_t>{experts, columns, rows}));
    ASSERT_EQ(want.dtype, Dtype::bf16);
    std::vector<uint16_t> out(experts * rows * columns);
    for (size_t e = 0; e < experts; ++e)
      decode_transposed({&blocks.bytes[e * rows * count * 16], &scales.bytes[e * rows * count]}, rows, count,
                        &out[e * rows * columns], rows);
    EXPECT_EQ(0, std::memcmp(out.data(), want.bytes.data(), want.bytes.size())) << name;
  }
}

/// Blocks whose codes are at most `top` in magnitude, each scale in turn.
struct AllBlocks {
  std::vector<uint8_t> codes, scales;
  size_t rows = 0;
};
AllBlocks all_codes_and_scales() {
  AllBlocks all;
  for (int scale = 0; scale < 255; ++scale)
    for (int top = 0; top < 8; ++top) {
      for (int b = 0; b < mxfp4_block_bytes; ++b) {
        // Byte b holds codes b and 15 - b: every sign and magnitude up to `top`, which itself is there for certain.
        const auto limited = [&](int code) { return (code & 8) | std::min(code & 7, top); };
        all.codes.push_back(static_cast<uint8_t>(limited(b) | limited(15 - b) << 4));
      }
      all.scales.push_back(static_cast<uint8_t>(scale));
    }
  all.rows = all.scales.size();
  return all;
}

/// 6, 4, … of the row's largest element: above BF16's range at the top scales, where there is nothing to give back.
bool finite(uint8_t scale, int top) { return !std::isinf(decode_e2m1(static_cast<uint8_t>(top)) * decode_e8m0(scale)); }

TEST(Blocks, RoundTripThroughBf16IsExactForAllCodesAndScales) {
  const AllBlocks all = all_codes_and_scales();
  std::vector<uint16_t> values(all.rows * mxfp4_block), again(values.size());
  decode_transposed({all.codes.data(), all.scales.data()}, all.rows, 1, values.data(), all.rows);
  for (const ScaleRule rule : {ScaleRule::ceil, ScaleRule::ocp}) {
    std::vector<uint8_t> codes(all.codes.size()), scales(all.scales.size());
    Loss loss;
    encode_transposed(values.data(), all.rows, all.rows, 1, rule, codes.data(), scales.data(), loss);
    decode_transposed({codes.data(), scales.data()}, all.rows, 1, again.data(), all.rows);
    size_t same_bytes = 0;
    for (size_t row = 0; row < all.rows; ++row) {
      const int top = static_cast<int>(row % 8);
      if (!finite(all.scales[row], top)) continue;
      for (size_t i = 0; i < mxfp4_block; ++i) {
        const uint16_t before = values[i * all.rows + row], after = again[i * all.rows + row];
        ASSERT_EQ(decode_bf16(before), decode_bf16(after)) << row << ' ' << i;
        if (top > 0) {
          ASSERT_EQ(before, after) << row << ' ' << i;  // the sign of zero too
        }
      }
      const bool same = scales[row] == all.scales[row] && std::equal(codes.begin() + static_cast<long>(row * 16),
                                                                     codes.begin() + static_cast<long>(row * 16 + 16),
                                                                     all.codes.begin() + static_cast<long>(row * 16));
      same_bytes += same;
      ASSERT_TRUE(same || top < 6) << "a block with a 4 or a 6 keeps its bytes: row " << row;
    }
    EXPECT_GT(same_bytes, all.rows / 4);
    EXPECT_LT(same_bytes, all.rows);
  }
}

TEST(Blocks, OnGridTensorsLoseNothing) {
  AllBlocks all = all_codes_and_scales();
  while (all.scales.back() > 250) all.scales.pop_back(), all.codes.resize(all.codes.size() - 16), --all.rows;
  std::vector<uint16_t> values(all.rows * mxfp4_block);
  decode_transposed({all.codes.data(), all.scales.data()}, all.rows, 1, values.data(), all.rows);
  Loss loss;
  encode_transposed(values.data(), all.rows, all.rows, 1, ScaleRule::ceil, all.codes.data(), all.scales.data(), loss);
  EXPECT_EQ(loss.values, values.size());
  EXPECT_EQ(loss.changed, 0u);
  EXPECT_EQ(loss.largest, 0);
}

/// Any BF16 bits against the block encoder of formats; 13 rows: one group of eight and a rest.
TEST(Blocks, EncodeAsFormatsDo) {
  Random random(7);
  constexpr size_t rows = 13, blocks = 3, columns = blocks * mxfp4_block;
  std::vector<uint16_t> values(rows * columns);
  for (int round = 0; round < 600; ++round) {
    const int spread = round % 3 == 0 ? 0x7fff : 0x3ff;  // a third: any exponent; else exponents that belong together
    const auto base = static_cast<int>(random.integer(0, 0x7f80 - 0x3ff));
    for (auto& value : values) {
      const int magnitude = spread == 0x7fff ? static_cast<int>(random.integer(0, 0x7f7f))
                                             : base + static_cast<int>(random.integer(0, spread));
      value = static_cast<uint16_t>((random.next() & 0x8000) |
                                    static_cast<unsigned>(random.integer(0, 9) == 0 ? 0 : std::min(magnitude, 0x7f7f)));
    }
    if (round % 50 == 0) values[5] = 0x7f80;
    const ScaleRule rule = static_cast<ScaleRule>(round % 3);
    std::vector<uint8_t> codes(rows * columns / 2), scales(rows * blocks);
    Loss loss, want_loss;
    encode_transposed(values.data(), rows, rows, blocks, rule, codes.data(), scales.data(), loss);
    for (size_t r = 0; r < rows; ++r) {
      float row[columns];
      for (size_t c = 0; c < columns; ++c) row[c] = decode_bf16(values[c * rows + r]);
      uint8_t want[columns / 2], want_scales[blocks];
      encode_row(row, blocks, rule, want, want_scales, want_loss);
      ASSERT_EQ(0, std::memcmp(want_scales, &scales[r * blocks], blocks)) << round << ' ' << r;
      ASSERT_EQ(0, std::memcmp(want, &codes[r * columns / 2], sizeof want)) << round << ' ' << r;
    }
    EXPECT_EQ(loss.values, want_loss.values);
    if (round % 50 == 0) continue;
    EXPECT_EQ(loss.changed, want_loss.changed) << round;
    EXPECT_TRUE(!std::isfinite(want_loss.sum) || std::abs(loss.sum - want_loss.sum) <= 1e-6 * want_loss.sum) << round;
  }
}

TEST(Blocks, LossSaysHowMuch) {
  float row[mxfp4_block] = {6, 2.4f, -0.3f};  // under scale 1: 6, 2, -0.5
  uint8_t codes[16], scale;
  Loss loss;
  encode_row(row, 1, ScaleRule::ceil, codes, &scale, loss);
  EXPECT_EQ(loss.values, 32u);
  EXPECT_EQ(loss.changed, 2u);
  EXPECT_NEAR(loss.largest, 0.4, 1e-6);
  EXPECT_NEAR(loss.mean(), 0.6 / 32, 1e-6);
}

TEST(Blocks, HalvesToAdjacent) {
  // The published pair of byte orders of one block.
  const uint8_t ggml[16] = {0xb4, 0x64, 0x00, 0x32, 0x92, 0xf8, 0xec, 0x03,
                            0x7d, 0xcf, 0xd6, 0xde, 0x11, 0x0f, 0x42, 0xec};
  const uint8_t hub[16] = {0x44, 0x20, 0x82, 0x3c, 0xfd, 0xe6, 0xf1, 0xc2,
                           0x6b, 0x30, 0xf9, 0x0e, 0xc7, 0xdd, 0x01, 0xe4};
  uint8_t out[16];
  halves_to_adjacent(ggml, out);
  EXPECT_EQ(0, std::memcmp(out, hub, 16));
  Random random(2);
  for (int round = 0; round < 100; ++round) {
    uint8_t from[16], want[16];
    for (auto& byte : from) byte = static_cast<uint8_t>(random.next());
    repack_mxfp4_block(from, NibbleOrder::halves, want, NibbleOrder::adjacent);
    halves_to_adjacent(from, out);
    EXPECT_EQ(0, std::memcmp(out, want, 16));
  }
}

TEST(Blocks, FindsWhatIsNotFinite) {
  std::vector<uint16_t> values(5000, 0x7f7f);
  EXPECT_EQ(first_not_finite(values.data(), values.size()), values.size());
  values[4321] = 0xff80;
  EXPECT_EQ(first_not_finite(values.data(), values.size()), 4321u);
  values[7] = 0x7fc0;
  EXPECT_EQ(first_not_finite(values.data(), values.size()), 7u);
}

}  // namespace
}  // namespace mxpath::convert
