// What is not converted, and how that is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <tuple>

#include "base/hint.h"
#include "base/text.h"
#include "checkpoint/test_folder.h"
#include "convert/convert_for_test.h"
#include "formats/bf16.h"

namespace mxpath::convert {
namespace {

TEST(Convert, Refusals) {
  TestFolder folder;
  write_tiny(folder / "a");
  const auto options = to(CheckpointLayout::hugging_face_bf16);
  EXPECT_NE(error_of(folder / "none", folder / "b", options).find("no such folder"), std::string::npos);
  folder.write("full/x", "y");
  EXPECT_NE(error_of(folder / "a", folder / "full", options).find("not empty"), std::string::npos);
  EXPECT_NE(error_of(folder / "a", folder / "a", options).find("not empty"), std::string::npos);
  auto resumed = options;
  resumed.resume = true;
  EXPECT_NE(error_of(folder / "a", folder / "full", resumed).find("nothing to resume"), std::string::npos);
  auto small = options;
  small.free_bytes = [](const std::string&) { return uint64_t{300} << 10; };
  const std::string message = error_of(folder / "a", folder / "b", small);
  EXPECT_NE(message.find("needs"), std::string::npos);
  EXPECT_NE(message.find("has 300 KiB free"), std::string::npos) << message;
  EXPECT_EQ(open_manifest(folder / "b").ok(), false);
}

TEST(Convert, PlacesThatCannotBeAFolderAreNamed) {
  TestFolder folder;
  write_tiny(folder / "a");
  folder.write("file", "x");
  const std::string file = folder / "file",
                    end = ": is no folder, so nothing can be written into it; give a folder that does not exist yet";
  const auto error_to = [&](const std::string& target) {
    const auto report = convert(folder / "a", target, to(CheckpointLayout::hugging_face_bf16));
    EXPECT_TRUE(!report.ok() && (report.error().kind == ErrorKind::wrong_use || target.starts_with("/proc"))) << target;
    return report.ok() ? "no error" : report.error().message;
  };
  EXPECT_EQ(error_to(""), "the name of the folder to write is empty; give a folder that does not exist yet");
  for (const std::string below : {"", "/b", "/b/c"}) EXPECT_EQ(error_to(file + below), file + end);
  EXPECT_EQ(error_to("/dev/null"), "/dev/null" + end);
  EXPECT_TRUE(error_to("/proc/none").ends_with("; give a folder in another place"));
}

TEST(Convert, RowsThatBlocksDoNotDivide) {
  TestFolder folder;
  RandomCheckpoint what;
  what.config = tiny_config();
  what.config.intermediate = 80;
  what.layout = CheckpointLayout::hugging_face_bf16;
  ASSERT_TRUE(write_random_checkpoint(folder / "a", what).ok());
  EXPECT_NE(
      error_of(folder / "a", folder / "b", to(CheckpointLayout::hugging_face_mxfp4)).find("blocks of 32 do not divide"),
      std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder / "b"));
}

TEST(Convert, NotANumberIsRefusedWithItsPlace) {
  TestFolder folder;
  for (const auto from : layouts) {
    const std::string source = folder / fmt::format("from{}", static_cast<int>(from));
    write_tiny(source, from);
    const std::string file = source + "/model.safetensors";
    auto tensors = load_tensors(file);
    auto experts = std::find_if(tensors.begin(), tensors.end(), [](const LooseTensor& t) {
      return t.name.ends_with("scales") || t.name.ends_with("down_proj");
    });
    // Scale 255 of expert 0, row 1, block 1; or the BF16 NaN of input 1, output 1.
    if (experts->dtype == Dtype::u8) experts->bytes[experts->shape[2] + 1] = 255;
    else experts->bytes[2 * (experts->shape[2] + 1) + 1] = 0x7f, experts->bytes[2 * (experts->shape[2] + 1)] = 0xc0;
    save_tensors(file, tensors);
    for (const auto target : layouts)
      EXPECT_NE(error_of(source, source + fmt::format("to{}", static_cast<int>(target)), to(target))
                    .find("expert 0, row 1, column"),
                std::string::npos);
  }
}

/// Codes that are numbers under most scales, but not under 253 or 254; all ways that blocks are read and written.
TEST(Convert, BlocksThatFp32CannotHoldAreRefusedWithTheirPlace) {
  TestFolder folder;
  for (const auto from : {CheckpointLayout::hugging_face_mxfp4, CheckpointLayout::openai_original})
    for (const auto& [scale, code, infinite] :
         {std::tuple{253, 0x60, true}, {253, 0xf0, true}, {253, 0x50, false}, {254, 0x40, true}, {254, 0x30, false}}) {
      const std::string source = folder / fmt::format("from{}-{}-{}", static_cast<int>(from), scale, code);
      write_tiny(source, from);
      const std::string file = source + "/model.safetensors";
      auto tensors = load_tensors(file);
      const auto scales =
          std::find_if(tensors.begin(), tensors.end(), [](const LooseTensor& t) { return t.name.ends_with("scales"); });
      auto& blocks = tensor_named(tensors, scales->name.substr(0, scales->name.size() - 6) + "blocks");
      // Expert 1, row 2, block 1, element 7 of the block; all others are 0.
      const size_t block = (scales->shape[1] + 2) * scales->shape[2] + 1;
      scales->bytes[block] = static_cast<uint8_t>(scale);
      std::fill_n(blocks.bytes.begin() + static_cast<ptrdiff_t>(block * 16), 16, uint8_t{0});
      blocks.bytes[block * 16 + 3] = static_cast<uint8_t>(code);
      save_tensors(file, tensors);
      for (const auto target : layouts) {
        const std::string message =
            error_of(source, source + fmt::format("to{}", static_cast<int>(target)), to(target));
        if (infinite)
          EXPECT_TRUE(message.starts_with(file) &&
                      message.find("expert 1, row 2, column 39 is NaN, infinite") != message.npos)
              << message;
        else EXPECT_EQ(message, "no error");
      }
    }
}

/// 3.9 * 2^126 is rounded up to 4 * 2^126 = 2^128 under the scale of `ceil`; the others saturate at 6 * 2^125.
TEST(Convert, CeilNearTheLargestFloatNamesTheOtherRules) {
  TestFolder folder;
  write_tiny(folder / "a", CheckpointLayout::hugging_face_bf16);
  auto tensors = load_tensors(folder / "a/model.safetensors");
  auto& down = tensor_named(tensors, "model.layers.1.mlp.experts.down_proj");
  const uint16_t large = encode_bf16(std::ldexp(3.9f, 126));
  std::memcpy(&down.bytes[2 * (33 * down.shape[2] + 5)], &large, 2);  // [experts, in, out]
  save_tensors(folder / "a/model.safetensors", tensors);
  auto options = to(CheckpointLayout::hugging_face_mxfp4);
  const std::string message = error_of(folder / "a", folder / "ceil", options);
  EXPECT_NE(in_words(message).find("expert 0, row 5, column 33 becomes larger than FP32 can hold under "
                                   "scale_rule=ceil; choose scale_rule=ocp or nearest"),
            std::string::npos)
      << message;
  for (const ScaleRule rule : {ScaleRule::ocp, ScaleRule::nearest}) {
    options.scale_rule = rule;
    converted(folder / "a", folder / std::string(name_of(rule)), options);
    converted(folder / std::string(name_of(rule)), folder / (std::string(name_of(rule)) + "-back"),
              to(CheckpointLayout::hugging_face_bf16));
  }
}

}  // namespace
}  // namespace mxpath::convert
