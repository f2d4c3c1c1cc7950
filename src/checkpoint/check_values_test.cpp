#include "checkpoint/check_values.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace mxpath {
namespace {

TensorRecord record_of(Encoding encoding, int experts, int64_t rows, int64_t columns) {
  TensorRecord record{};
  record.role = Role::gate_up_weight;
  record.name = "t";
  record.encoding = encoding;
  record.experts = experts;
  record.rows = record.stored_rows = rows;
  record.columns = columns;
  return record;
}

template <class Code>
void expect_found(Encoding encoding, Code bad, Code good) {
  const auto record = record_of(encoding, 2, 50, 100);
  std::vector<Code> codes(10000, good);
  std::vector<uint8_t> bytes(codes.size() * sizeof(Code) + 1);
  // every offset near the edges of the blocks that are looked at together, from an odd address
  for (const size_t at : {0u, 1u, 4095u, 4096u, 5000u, 8192u, 9999u}) {
    codes[at] = bad;
    std::memcpy(bytes.data() + 1, codes.data(), codes.size() * sizeof(Code));
    const auto status = check_values(record, std::span(bytes).subspan(1), 0, "f");
    ASSERT_FALSE(status.ok()) << at;
    const std::string wanted = "f: tensor t is NaN or infinite at expert " + std::to_string(at / 5000) + ", row " +
                               std::to_string(at / 100 % 50) + ", column " + std::to_string(at % 100) + ";";
    EXPECT_EQ(status.error().message.substr(0, wanted.size()), wanted);
    codes[at] = good;
  }
  std::memcpy(bytes.data() + 1, codes.data(), codes.size() * sizeof(Code));
  EXPECT_TRUE(check_values(record, std::span(bytes).subspan(1), 0, "f").ok());
}

TEST(CheckValues, FindsNanAndInfinityInEveryEncoding) {
  expect_found<uint16_t>(Encoding::bf16, 0x7f80, 0x7f7f);
  expect_found<uint16_t>(Encoding::bf16, 0xffc1, 0xff7f);
  expect_found<uint16_t>(Encoding::f16, 0x7c00, 0x7bff);
  expect_found<uint16_t>(Encoding::f16, 0xfe01, 0xfbff);
  expect_found<uint32_t>(Encoding::f32, 0x7f800000, 0x7f7fffff);
  expect_found<uint32_t>(Encoding::f32, 0xff800001, 0xff7fffff);
}

TEST(CheckValues, TransposedAndSlicedTensorsNameTheLogicalPlace) {
  auto record = record_of(Encoding::bf16, 3, 4, 6);
  record.transposed = true;
  // the slice of expert 2; stored [in 6, out 4], so stored element 9 is column 2, row 1
  std::vector<uint16_t> slice(24, 0);
  slice[9] = 0x7fc0;
  const std::span bytes(reinterpret_cast<const uint8_t*>(slice.data()), 48);
  EXPECT_NE(check_values(record, bytes, 2 * 48, "f").error().message.find("expert 2, row 1, column 2"),
            std::string::npos);
}

/// 2 experts, 3 rows, 4 blocks per row; codes of ±1.5, which are numbers under every scale up to 254.
struct Blocks {
  TensorRecord record = record_of(Encoding::mxfp4_blocks, 2, 3, 128);
  std::vector<uint8_t> codes = std::vector<uint8_t>(24 * 16, 0x3b), scales = std::vector<uint8_t>(24, 254);

  std::string error(size_t first = 0) const {
    const auto status = check_blocks(record, codes.data() + first * 16, std::span(scales).subspan(first), first, "f");
    return status.ok() ? "" : status.error().message;
  }
};

TEST(CheckBlocks, FindsScale255) {
  Blocks blocks;
  EXPECT_EQ(blocks.error(), "");
  blocks.scales[19] = 255;
  EXPECT_EQ(
      blocks.error(),
      "f: the scale of tensor t is 255 (NaN) at expert 1, row 1, block 3; the file is damaged: download it again");
  EXPECT_EQ(blocks.error(12), blocks.error());
  EXPECT_TRUE(check_values(blocks.record, std::vector<uint8_t>(64, 255), 0, "f").ok());  // codes alone are all good
}

TEST(CheckBlocks, FindsWhatFp32CannotHold) {
  for (const int scale : {252, 253, 254})
    for (int code = 0; code < 16; ++code) {
      Blocks blocks;
      blocks.scales[19] = static_cast<uint8_t>(scale);
      blocks.codes[19 * 16 + 5] = static_cast<uint8_t>(code << 4 | 1);  // element 11 of block 3: column 107
      const bool infinite = (code & 7) >= (scale == 252 ? 8 : scale == 253 ? 6 : 4);
      EXPECT_EQ(blocks.error(), infinite ? "f: tensor t is NaN or infinite at expert 1, row 1, column 107; the file is "
                                           "damaged or its training diverged: "
                                           "download it again"
                                         : "")
          << scale << ' ' << code;
      EXPECT_EQ(blocks.error(12), blocks.error());
    }
}

TEST(CheckBlocks, LooksAtEveryBlockOfALargeTensor) {
  const auto record = record_of(Encoding::mxfp4_blocks, 1, 9000, 32);
  std::vector<uint8_t> codes(9000 * 16, 0x77), scales(9000, 252);
  for (const size_t at : {0u, 4095u, 4096u, 8999u}) {
    EXPECT_TRUE(check_blocks(record, codes.data(), scales, 0, "f").ok());
    scales[at] = 253;
    const auto status = check_blocks(record, codes.data(), scales, 0, "f");
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().message.find(" row " + std::to_string(at) + ", column 0;"), std::string::npos)
        << status.error().message;
    scales[at] = 252;
  }
}

}  // namespace
}  // namespace mxpath
