#include "checkpoint/gguf.h"

#include <gtest/gtest.h>

#include "checkpoint/gguf_writer_for_test.h"
#include "checkpoint/test_folder.h"

namespace mxpath {
namespace {

std::span<const uint8_t> span_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

GgufWriter good() {
  GgufWriter writer;
  writer.add_text("general.architecture", "gpt-oss");
  writer.add_u32("a.count", 24);
  writer.add_f32("a.eps", 1e-5f);
  writer.add_number<uint8_t>("a.flag", GgufType::boolean, 1);
  writer.add_i32s("a.ids", {1, -2, 3});
  writer.add_tensor("x", gguf_tensor::f32, {2, 3}, std::string(24, 'x'));
  writer.add_tensor("y", gguf_tensor::mxfp4, {1, 2, 64}, std::string(68, 'y'));
  return writer;
}

std::string error_of(const std::string& file) {
  const auto parsed = parse_gguf(span_of(file), "f");
  return parsed.ok() ? "no error" : parsed.error().message;
}

TEST(Gguf, CountsWithoutEnd) {
  GgufWriter writer;
  for (int i = 0; i < 70'000; ++i) writer.add_u32(std::to_string(i), 1);
  EXPECT_NE(error_of(writer.file()).find("more than any gpt-oss model has"), std::string::npos);
  // A hole is as long as one likes: 2^32 empty strings in a file that takes no space.
  const TestFolder folder;
  std::string start = "GGUF";
  GgufWriter::put(start, uint32_t{3}), GgufWriter::put(start, uint64_t{0}), GgufWriter::put(start, uint64_t{1});
  GgufWriter::put_text(start, "k"), GgufWriter::put(start, static_cast<uint32_t>(GgufType::array));
  GgufWriter::put(start, static_cast<uint32_t>(GgufType::string)), GgufWriter::put(start, uint64_t{1} << 32);
  folder.write("f", start);
  std::filesystem::resize_file(folder / "f", uint64_t{1} << 36);
  const auto file = MappedFile::open(folder / "f");
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto parsed = parse_gguf(file->bytes(), "f");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().message, "f: metadata \"k\" leaves the file");
}

TEST(Gguf, MoreTensorsThanAnyModelHas) {
  std::string start = "GGUF";
  GgufWriter::put(start, uint32_t{3}), GgufWriter::put(start, uint64_t{70'000}), GgufWriter::put(start, uint64_t{0});
  EXPECT_NE(error_of(start + std::string(70'000 * 25, '\0'))
                .find("70000 tensors and 0 metadata values are more than any gpt-oss model has"),
            std::string::npos);
}

TEST(Gguf, ReadsMetadataAndTensors) {
  const std::string file = good().file();
  const auto parsed = parse_gguf(span_of(file), "f");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->version, 3u);
  EXPECT_EQ(parsed->find("general.architecture")->as_text(), "gpt-oss");
  EXPECT_EQ(parsed->find("a.count")->as_unsigned(), 24u);
  EXPECT_EQ(parsed->find("a.count")->as_text(), std::nullopt);
  EXPECT_FLOAT_EQ(static_cast<float>(*parsed->find("a.eps")->as_number()), 1e-5f);
  EXPECT_EQ(parsed->find("a.flag")->as_boolean(), true);
  EXPECT_EQ(parsed->find("a.ids")->as_integers(), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(parsed->find("b"), nullptr);
  ASSERT_EQ(parsed->tensors.size(), 2u);
  EXPECT_EQ(parsed->tensors[0].shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(parsed->tensors[1].name, "y");
  EXPECT_EQ(parsed->tensors[1].bytes, 68u);
  EXPECT_EQ(file.substr(parsed->tensors[1].offset, 68), std::string(68, 'y'));
}

TEST(Gguf, ReadsVersion2AndAnotherAlignment) {
  GgufWriter writer = good();
  writer.version = 2, writer.alignment = 128;
  writer.add_u32("general.alignment", 128);
  const std::string file = writer.file();
  const auto parsed = parse_gguf(span_of(file), "f");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->tensors[0].offset % 128, 0u);
  EXPECT_EQ(file.substr(parsed->tensors[0].offset, 24), std::string(24, 'x'));
}

TEST(Gguf, NestedArraysUpToFour) {
  const auto nested = [](int depth) {
    std::string bytes;
    for (int i = 0; i < depth; ++i)
      GgufWriter::put(bytes, static_cast<uint32_t>(GgufType::array)), GgufWriter::put<uint64_t>(bytes, 1);
    GgufWriter::put(bytes, static_cast<uint32_t>(GgufType::u8)), GgufWriter::put<uint64_t>(bytes, 1), bytes += 'z';
    GgufWriter writer;
    writer.add_raw("n", GgufType::array, bytes);
    return writer.file();
  };
  EXPECT_EQ(error_of(nested(4)), "no error");
  EXPECT_NE(error_of(nested(5)).find("nested deeper than 4"), std::string::npos);
}

TEST(Gguf, EveryTruncationIsAnError) {
  const std::string file = good().file();
  const size_t end = parse_gguf(span_of(file), "f")->tensors[1].offset + 68;
  for (size_t length = 0; length < end; ++length) {
    const std::string part = file.substr(0, length);
    EXPECT_FALSE(parse_gguf(span_of(part), "f").ok()) << length;
  }
}

TEST(Gguf, RefusesWhatIsWrong) {
  EXPECT_NE(error_of("GGML0000").find("not a GGUF file"), std::string::npos);
  GgufWriter writer = good();
  writer.version = 1;
  EXPECT_NE(error_of(writer.file()).find("version 1"), std::string::npos);
  writer = good(), writer.add_u32("a.count", 3);
  EXPECT_NE(error_of(writer.file()).find("\"a.count\" is there twice"), std::string::npos);
  writer = good(), writer.add_tensor("x", 0, {1}, "1234");
  EXPECT_NE(error_of(writer.file()).find("tensor \"x\" is there twice"), std::string::npos);
  writer = good(), writer.add_raw("t", static_cast<GgufType>(13), "");
  EXPECT_NE(error_of(writer.file()).find("unknown type 13"), std::string::npos);
  writer = good(), writer.add_number<uint8_t>("t", GgufType::boolean, 2);
  EXPECT_NE(error_of(writer.file()).find("boolean with the value 2"), std::string::npos);
  writer = good(), writer.add_u32("general.alignment", 48);
  EXPECT_NE(error_of(writer.file()).find("power of two"), std::string::npos);
  writer = good(), writer.add_tensor("z", 0, {1, 1, 1, 1, 1}, "1234");
  EXPECT_NE(error_of(writer.file()).find("5 dimensions"), std::string::npos);
  writer = good(), writer.add_tensor("z", gguf_tensor::mxfp4, {2, 33}, std::string(64, '0'));
  EXPECT_NE(error_of(writer.file()).find("whole number of blocks"), std::string::npos);
  writer = good(), writer.add_tensor("z", 0, {uint64_t{1} << 32, uint64_t{1} << 32}, "1234");
  EXPECT_NE(error_of(writer.file()).find("overflows"), std::string::npos);
  writer = good(), writer.add_tensor("z", 0, {1000}, "1234");
  EXPECT_NE(error_of(writer.file()).find("truncated"), std::string::npos);
}

TEST(Gguf, RefusesCountsAndStringsBeyondTheFile) {
  std::string file = good().file();
  const auto patched = [&](size_t at, uint64_t value) {
    std::string copy = file;
    std::memcpy(copy.data() + at, &value, 8);
    return copy;
  };
  EXPECT_NE(error_of(patched(8, uint64_t{1} << 60)).find("cannot be in a file"), std::string::npos);
  EXPECT_NE(error_of(patched(16, UINT64_MAX)).find("cannot be in a file"), std::string::npos);
  EXPECT_NE(error_of(patched(24, UINT64_MAX)).find("a string at byte 24"), std::string::npos);
}

TEST(Gguf, RefusesOverlapAndMisalignment) {
  const std::string file = good().file();
  // The offset of y is the last number of the tensor list: patch it by searching for its name.
  const size_t at = file.find("\x01\0\0\0\0\0\0\0y", 0, 9) + 9 + 4 + 3 * 8 + 4;
  const auto with_offset = [&](uint64_t offset) {
    std::string copy = file;
    std::memcpy(copy.data() + at, &offset, 8);
    return copy;
  };
  EXPECT_EQ(error_of(with_offset(32)), "no error");
  EXPECT_NE(error_of(with_offset(0)).find("overlap"), std::string::npos);
  EXPECT_NE(error_of(with_offset(33)).find("no multiple of 32"), std::string::npos);
  EXPECT_NE(error_of(with_offset(UINT64_MAX - 31)).find("truncated"), std::string::npos);
}

}  // namespace
}  // namespace mxpath
