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
  EXPECT_NE(check_values(record, bytes, 2 * 48, "f").error().message.find("expert 2, row 1, column 2"), std::string::npos);
}

TEST(CheckScales, FindsByte255) {
  const auto record = record_of(Encoding::mxfp4_blocks, 2, 3, 128);
  std::vector<uint8_t> scales(24, 254);
  EXPECT_TRUE(check_scales(record, scales, 0, "f").ok());
  scales[19] = 255;
  EXPECT_EQ(check_scales(record, scales, 0, "f").error().message,
            "f: the scale of tensor t is 255 (NaN) at expert 1, row 1, block 3; the file is damaged: download it again");
  EXPECT_NE(check_scales(record, std::span(scales).subspan(12), 12, "f").error().message.find("expert 1, row 1, block 3"),
            std::string::npos);
  EXPECT_TRUE(check_values(record, std::vector<uint8_t>(64, 255), 0, "f").ok());  // codes are all good
}

}  // namespace
}  // namespace mxpath
