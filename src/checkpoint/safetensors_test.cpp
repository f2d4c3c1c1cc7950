#include "checkpoint/safetensors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <sstream>

#include "base/sanitized_for_test.h"
#include "base/text.h"
#include "checkpoint/test_folder.h"

namespace mxpath {
namespace {

std::vector<uint8_t> from_hex(const std::string& hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string file_text(const std::string& header, size_t data_bytes) {
  std::string text(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(text.data(), &length, 8);
  return text + header + std::string(data_bytes, '\0');
}

Result<SafetensorsHeader> parse(const std::string& header, size_t data_bytes) {
  const std::string text = file_text(header, data_bytes);
  return parse_safetensors({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, text.size(), "f");
}

/// The error of a header, or "" if it is good.
std::string problem(const std::string& header, size_t data_bytes) {
  const auto result = parse(header, data_bytes);
  return result.ok() ? "" : result.error().message;
}

TEST(SafetensorsHeader, AgreesWithTheReferenceReaderOnItsVectors) {
  std::istringstream lines(test_data("safetensors_vectors.txt"));
  int seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string name, expected, hex;
    words >> name >> expected >> hex;
    const auto bytes = from_hex(hex == "-" ? "" : hex);
    const auto header = parse_safetensors(bytes, bytes.size(), name);
    EXPECT_EQ(header.ok(), expected == "ok") << name << ": " << (header.ok() ? "accepted" : header.error().message);
    if (!header.ok()) {
      EXPECT_TRUE(header.error().message.starts_with(name + ": ")) << header.error().message;
    }
    ++seen;
  }
  EXPECT_EQ(seen, 16);
}

TEST(SafetensorsHeader, GivesOffsetsFromTheStartOfTheFile) {
  const auto header =
      parse(R"({"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},"__metadata__":{"format":"pt"},)"
            R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
            16);
  ASSERT_TRUE(header.ok()) << header.error().message;
  ASSERT_EQ(header->entries.size(), 2u);
  EXPECT_EQ(header->entries[0].name, "a");
  EXPECT_EQ(header->entries[1].dtype, Dtype::bf16);
  EXPECT_EQ(header->entries[1].shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(header->entries[1].begin - header->entries[0].begin, 4u);
  EXPECT_EQ(header->entries[1].end, header->entries[0].begin + 16);
  EXPECT_EQ(header->metadata.at("format"), "pt");
}

TEST(SafetensorsHeader, IgnoresUnknownFieldsAndNullMetadata) {
  EXPECT_EQ(problem(R"({"__metadata__":null,"a":{"dtype":"U8","note":{"x":[1,{"y":null}],"z":-1.5},)"
                    R"("shape":[1],"data_offsets":[0,1]}})",
                    1),
            "");
}

TEST(SafetensorsHeader, EachProblemHasItsSentence) {
  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + a +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}";
  };
  EXPECT_EQ(problem(two("[0,4]", "[4,8]"), 8), "");
  EXPECT_EQ(problem(two("[0,4]", "[2,6]"), 6), "f: tensors \"a\" and \"b\" overlap in the file");
  EXPECT_EQ(problem(two("[0,4]", "[6,10]"), 10), "f: 2 bytes between \"a\" and \"b\" belong to no tensor");
  EXPECT_EQ(problem(two("[2,6]", "[6,10]"), 10), "f: 2 bytes between \"the header\" and \"a\" belong to no tensor");
  EXPECT_EQ(problem(two("[0,4]", "[4,8]"), 9), "f: 1 byte after the last tensor belongs to no tensor");
  EXPECT_EQ(
      problem(two("[0,4]", "[4,8]"), 7),
      "f: truncated: tensor \"b\" ends at byte 8 of the data, but the file holds only 7; download the file again");
  EXPECT_EQ(problem(two("[0,4]", "[8,4]"), 8),
            "f: tensor \"b\", U8 [4], needs 4 bytes, but its data_offsets are [8, 4]");
  EXPECT_EQ(problem(R"({"a":{"dtype":"FP7","shape":[],"data_offsets":[0,1]}})", 1),
            "f: header: tensor \"a\" has the unknown dtype \"FP7\"");
  EXPECT_EQ(problem(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})", 1),
            "f: tensor \"a\" of shape [3] has a size that overflows or is no whole number of bytes");
  EXPECT_EQ(problem(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                    R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                    2),
            "f: tensor \"a\" appears twice in the header");
  EXPECT_EQ(problem(R"({"__metadata__":{"a":"b","a":"c"}})", 0), "f: header: key \"a\" appears twice in __metadata__");
  EXPECT_EQ(problem(R"({"__metadata__":{},"__metadata__":{}})", 0), "f: header: key \"__metadata__\" appears twice");
  EXPECT_EQ(problem(R"({"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1),
            "f: header: tensor \"a\" has the key \"dtype\" twice");
  EXPECT_EQ(problem(R"({"a":{"dtype":"U8","shape":[]}})", 0),
            "f: header: tensor \"a\" lacks its dtype, shape or data_offsets");
  EXPECT_EQ(problem(std::string("{}\0x", 4), 0), "f: header: not valid JSON at byte 3: a zero byte");
}

TEST(SafetensorsHeader, RefusesWrongTypesEverywhere) {
  for (const char* header :
       {"[]", "1", "null", "\"a\"", "", "{", "{} {}", R"({"a":1})", R"({"a":null})", R"({"a":"U8"})", R"({"a":[]})",
        R"({"__metadata__":1})", R"({"__metadata__":[]})", R"({"__metadata__":{"a":1}})",
        R"({"__metadata__":{"a":null}})", R"({"__metadata__":{"a":{}}})"})
    EXPECT_NE(problem(header, 0), "") << header;
  for (const char* fields :
       {R"("dtype":1,"shape":[],"data_offsets":[0,1])", R"("dtype":["U8"],"shape":[],"data_offsets":[0,1])",
        R"("dtype":"U8","shape":1,"data_offsets":[0,1])", R"("dtype":"U8","shape":{},"data_offsets":[0,1])",
        R"("dtype":"U8","shape":["1"],"data_offsets":[0,1])", R"("dtype":"U8","shape":[1.0],"data_offsets":[0,1])",
        R"("dtype":"U8","shape":[-1],"data_offsets":[0,1])", R"("dtype":"U8","shape":[[1]],"data_offsets":[0,1])",
        R"("dtype":"U8","shape":[1],"data_offsets":[0])", R"("dtype":"U8","shape":[1],"data_offsets":[0,1,1])",
        R"("dtype":"U8","shape":[1],"data_offsets":"01")", R"("dtype":"U8","shape":null,"data_offsets":[0,1])",
        R"("dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1])"})
    EXPECT_NE(problem(std::string("{\"a\":{") + fields + "}}", 1), "") << fields;
}

TEST(SafetensorsHeader, MillionKeysTakeLinearTime) {
  std::string header = "{";
  for (int i = 0; i < 131072; ++i)
    header += fmt::format("{}\"t{}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", i ? "," : "", i);
  const auto parsed = parse(header + "}", 0);  // quadratic: minutes
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->entries.size(), most_tensors);
}

TEST(SafetensorsHeader, DtypesHaveTheNamesAndBitsOfTheFormat) {
  EXPECT_EQ(name_of(Dtype::boolean), "BOOL");
  EXPECT_EQ(name_of(Dtype::f8_e8m0), "F8_E8M0");
  EXPECT_EQ(name_of(Dtype::f6_e3m2), "F6_E3M2");
  EXPECT_EQ(bits_of(Dtype::f6_e3m2), 6);
  EXPECT_EQ(bits_of(Dtype::c64), 64);
  const std::vector<uint64_t> eight = {2, 4}, huge = {uint64_t{1} << 32, uint64_t{1} << 32},
                              hidden_overflow = {uint64_t{1} << 62, 8, 0};
  EXPECT_EQ(bytes_of(Dtype::f4, eight), 4u);
  EXPECT_EQ(bytes_of(Dtype::u8, huge), std::nullopt);
  EXPECT_EQ(bytes_of(Dtype::u8, hidden_overflow), std::nullopt);
}

TEST(ReadSafetensorsHeader, SaysWhatIsWrongWithTheFile) {
  TestFolder folder;
  EXPECT_EQ(read_safetensors_header(folder / "a").error().message, folder / "a" + ": no such file");
  std::filesystem::create_directory(folder / "d");
  EXPECT_EQ(read_safetensors_header(folder / "d").error().message,
            folder / "d" + ": not a regular file but a folder; give a file");
  folder.write("lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4792272488\n");
  EXPECT_NE(read_safetensors_header(folder / "lfs").error().message.find("git lfs pull"), std::string::npos);
  for (const char* page :
       {"<!DOCTYPE html>\n<html>", "\n\n  <html lang=\"en\"><head>", "\xef\xbb\xbf<?xml version=\"1.0\"?>"}) {
    folder.write("page", page);
    EXPECT_EQ(read_safetensors_header(folder / "page").error().message,
              folder / "page" + ": a web page, not weights; download the file again");
  }
  folder.write("text", "Entry not found\n");
  EXPECT_EQ(read_safetensors_header(folder / "text").error().message,
            folder / "text" + ": a text that starts with \"Entry not found\", not weights; download the file again");
  folder.write("cut", file_text("{}", 0).substr(0, 9));
  EXPECT_NE(read_safetensors_header(folder / "cut").error().message.find("truncated"), std::string::npos);
  folder.write("empty", "");
  EXPECT_FALSE(read_safetensors_header(folder / "empty").ok());
}

TEST(ReadSafetensorsHeader, ReadsHeadersOfAnyLength) {
  TestFolder folder;
  for (const size_t padding : {0u, 65526u, 65527u, 65528u, 65529u, 300000u}) {
    folder.write("f", file_text("{}" + std::string(padding, ' '), 0));
    EXPECT_TRUE(read_safetensors_header(folder / "f").ok()) << padding;
  }
}

SafetensorsItem item(const std::string& name, std::vector<uint8_t> bytes) {
  const uint64_t size = bytes.size();
  return {name, Dtype::u8, {size}, [bytes](const auto& write) { return write(bytes); }};
}

TEST(WriteSafetensors, WritesWhatItReadsBack) {
  TestFolder folder;
  std::vector<SafetensorsItem> items = {
      item("x", {1, 2, 3}), item("한국어 \"q\"", {}), {"hole", Dtype::f32, {2, 2}, nullptr}, item("y", {9})};
  const auto status = write_safetensors(folder / "f.safetensors", items, {{"format", "pt"}});
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(folder.names(), std::vector<std::string>{"f.safetensors"});
  const auto tensors = load_tensors(folder / "f.safetensors");
  ASSERT_EQ(tensors.size(), 4u);
  EXPECT_EQ(tensors[0].bytes, (std::vector<uint8_t>{1, 2, 3}));
  EXPECT_EQ(tensors[2].bytes, std::vector<uint8_t>(16, 0));
  EXPECT_EQ(tensors[3].bytes, std::vector<uint8_t>{9});
  const auto header = read_safetensors_header(folder / "f.safetensors").value();
  EXPECT_EQ(header.entries[0].begin % 8, 0u);
  EXPECT_EQ(header.metadata.at("format"), "pt");
}

TEST(WriteSafetensors, LeavesNothingBehindWhenItFails) {
  TestFolder folder;
  const auto fails = [&](std::vector<SafetensorsItem> items, const std::string& why) {
    const auto status = write_safetensors(folder / "f", items);
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().message.find(why), std::string::npos) << status.error().message;
    EXPECT_TRUE(folder.names().empty());
  };
  auto short_one = item("x", {1}), long_one = item("x", {1, 2, 3}), broken = item("x", {1, 2});
  short_one.shape = long_one.shape = {2};
  broken.data = [](const auto&) -> Status { return fail("source is broken"); };
  fails({short_one}, "only 1 were given");
  fails({long_one}, "more were given");
  fails({broken}, "source is broken");
  fails({item("x", {1}), item("x", {2})}, "\"x\" is taken");
  fails({item("\xff", {1})}, "not UTF-8");
  fails({{"x", Dtype::f32, {uint64_t{1} << 40, uint64_t{1} << 40}, nullptr}}, "too large");
}

TEST(SafetensorsHeader, EndsSoonHoweverMuchItHolds) {
  std::string many = "{", dimensions = R"({"a": {"dtype": "U8", "data_offsets": [0, 1], "shape": [1)",
              metadata = R"({"__metadata__": {)";
  for (int i = 0; i < 600'000; ++i) {
    many += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", i ? "," : "", i);
    dimensions += ",1", metadata += fmt::format(R"({}"{}":"")", i ? "," : "", i);
  }
  const std::clock_t start = std::clock();  // of this process alone: others may be busy
  EXPECT_NE(problem(many + "}", 0).find("names more than 131072 tensors"), std::string::npos);
  EXPECT_NE(problem(dimensions + "]}}", 1).find("has more than 64 dimensions"), std::string::npos);
  EXPECT_NE(problem(metadata + "}}", 0).find("holds more than 65536 values"), std::string::npos);
  EXPECT_LT(double(std::clock() - start) / CLOCKS_PER_SEC, sanitized ? 30 : 4);
}

TEST(ShapeText, IsShortened) {
  EXPECT_EQ(shape_text(std::vector<uint64_t>{32, 5760, 90, 16}), "[32, 5760, 90, 16]");
  EXPECT_EQ(shape_text(std::vector<uint64_t>(64, 1)), "[1, 1, 1, 1, 1, 1, 1, 1, …] of 64 dimensions");
}

TEST(WriteSafetensors, KeepsTheOldFileWhenTheNewOneFails) {
  TestFolder folder;
  folder.write("f", "old");
  auto short_one = item("x", {1});
  short_one.shape = {2};
  EXPECT_FALSE(write_safetensors(folder / "f", std::vector{short_one}).ok());
  EXPECT_EQ(folder.read("f"), "old");
  EXPECT_FALSE(write_safetensors(folder / "no/such/folder/f", std::vector{item("x", {1})}).ok());
}

TEST(WriteSafetensors, FullDiskIsAnError) {
  // A limit on the size of files stands in for the disk: write() fails half way, as it does there.
  TestFolder folder;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto status = write_safetensors(folder / "f", std::vector{item("x", std::vector<uint8_t>(100000, 7))});
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace mxpath
