#include "diagnose/log_decoder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "diagnose/test_logs.h"

namespace mxpath::diagnose {
namespace {

/// A log without a failure that does not shrink to nothing.
std::string harmless_log(int lines) {
  std::string text;
  uint32_t state = 7;
  for (int i = 0; i < lines; ++i)
    text += fmt::format("step {} loss 0.{:04}\n", i, (state = state * 1664525u + 1013904223u) >> 20);
  return text;
}

TEST(Diagnose, ALogThatEndsEarlyIsNoWholeLog) {
  const std::string whole = gzipped(harmless_log(900)), second = gzipped(harmless_log(50));
  std::string corrupt = whole, bad_checksum = whole;
  for (size_t i = 0; i < 40; ++i)
    corrupt[whole.size() / 2 + i] = static_cast<char>(corrupt[whole.size() / 2 + i] ^ 0x5a);
  bad_checksum[whole.size() - 6] = static_cast<char>(bad_checksum[whole.size() - 6] ^ 1);
  const std::string wide = utf16(harmless_log(20), true, true);
  const struct {
    std::string bytes;
    Ending ending;
  } cases[] = {{whole, Ending::whole},
               {whole + second, Ending::whole},
               {whole + std::string(512, '\0'), Ending::whole},  // padded by a tape or an archiver
               {whole.substr(0, whole.size() / 2), Ending::cut_short},
               {whole.substr(0, whole.size() - 1), Ending::cut_short},
               {whole.substr(0, whole.size() - 8), Ending::cut_short},
               {whole.substr(0, 2), Ending::cut_short},
               {whole.substr(0, 12), Ending::cut_short},
               {whole + second.substr(0, 1), Ending::cut_short},
               {whole + second.substr(0, 10), Ending::cut_short},
               {whole + second.substr(0, second.size() / 2), Ending::cut_short},
               {corrupt, Ending::damaged},
               {bad_checksum, Ending::damaged},
               {whole + "trailing rubbish", Ending::trailing},
               {whole + "\x1fnot gzip at all", Ending::trailing},
               {whole + std::string(9, '\0') + "rubbish", Ending::trailing},
               {wide, Ending::whole},
               {wide.substr(0, wide.size() - 1), Ending::cut_short},
               {wide + "\x3d\xd8", Ending::cut_short},  // the first half of a pair
               {gzipped(wide.substr(0, wide.size() - 1)), Ending::cut_short},
               {gzipped(whole), Ending::whole},
               {gzipped(whole).substr(0, whole.size() / 2), Ending::cut_short},
               {gzipped(whole.substr(0, whole.size() / 2)), Ending::cut_short},
               {gzipped(whole) + "rubbish", Ending::trailing}};
  for (size_t i = 0; i < std::size(cases); ++i) {
    const Diagnosis diagnosis = diagnosed(cases[i].bytes);
    EXPECT_EQ(name_of(diagnosis.ending), name_of(cases[i].ending)) << i;
    EXPECT_EQ(exit_code(diagnosis), cases[i].ending == Ending::whole ? 1 : 4) << i;
    EXPECT_EQ(to_json(diagnosis)["ending"], name_of(cases[i].ending)) << i;
    if (cases[i].ending == Ending::whole) continue;
    EXPECT_NE(to_text(diagnosis, Language::en).find("not known"), std::string::npos)
        << i << to_text(diagnosis, Language::en);
    EXPECT_NE(to_text(diagnosis, Language::ko).find("알 수 없"), std::string::npos) << i;
    EXPECT_FALSE(diagnosis.needed.empty()) << i;
  }
}

TEST(Diagnose, OtherArchivesAreNamedWithTheWayToUnpackThem) {
  using namespace std::string_literals;
  const struct {
    std::string bytes, words;
  } cases[] = {{"\x28\xb5\x2f\xfd rest"s, "zstd -dc"},
               {"\xfd"
                "7zXZ\0 rest"s,
                "an xz archive, which is not read here; unpack it first: xz -dc"},
               {"BZh91AY&SY rest"s, "bzip2 -dc"},
               {"PK\x03\x04 rest"s, "unzip -p"},
               {"7z\xbc\xaf\x27\x1c rest"s, "7z e"},
               {"\x04\x22\x4d\x18 rest"s, "lz4 -dc"}};
  for (const auto& c : cases) {
    const Result<Diagnosis> result = diagnose(c.bytes, {}, Language::en);
    ASSERT_FALSE(result.ok()) << c.words;
    EXPECT_NE(result.error().message.find(c.words), std::string::npos) << result.error().message;
  }
  EXPECT_TRUE(diagnose("BZhello and PK and xz are words\n", {}, Language::en).ok());
}

TEST(Diagnose, WhatIsNoTextIsSaidSo) {
  using namespace std::string_literals;
  std::string random, packed = gzipped(harmless_log(900)), deep = "all is well\n";
  uint32_t state = 1;
  for (int i = 0; i < 4096; ++i) random.push_back(static_cast<char>((state = state * 1664525u + 1013904223u) >> 24));
  std::string zlib(1 << 16, '\0');
  uLongf size = zlib.size();
  ASSERT_EQ(compress(reinterpret_cast<Bytef*>(zlib.data()), &size, reinterpret_cast<const Bytef*>(random.data()),
                     random.size()),
            Z_OK);
  for (int i = 0; i < 6; ++i) deep = gzipped(deep);
  const struct {
    std::string bytes, words;
  } cases[] = {{random, "binary data"},
               {gzipped(random), "binary data"},
               {zlib.substr(0, size), "zlib-flate"},
               {packed.substr(12), "binary data"},
               {"\x89PNG\r\n\x1a\n\0\0"s, "picture"},
               {"%PDF-1.7\n", "pdftotext"},
               {"\x7f"
                "ELF\2\1\1\0"s,
                "ELF"},
               {gzipped("BZh91AY&SY rest"), "a bzip2 archive inside gzip"},
               {deep, "gzip inside gzip"}};
  for (const auto& c : cases) {
    const Result<Diagnosis> result = diagnose(c.bytes, {}, Language::en);
    ASSERT_FALSE(result.ok()) << c.words;
    EXPECT_NE(result.error().message.find(c.words), std::string::npos) << result.error().message;
  }
  for (const std::string& text :
       {"x^2 + 1\n"s, "\x1b[31mred\x1b[0m\r\n"s, "a\0b\n"s, std::string(5000, '\0') + "emptied by logrotate\n",
        "\x01\x02prompt$ ls\n"s, "\xbf\xa1\xb7\xaf \xb8\xde\xbd\xc3\xc1\xf6\n"s, "GGUF model loaded\n"s})
    EXPECT_TRUE(diagnose(text, {}, Language::en).ok()) << text;
}

TEST(Diagnose, ZerosWithoutEndAreNoLog) {
  const auto zeros = [](char* buffer, size_t capacity) { return std::fill_n(buffer, capacity, '\0'), capacity; };
  const Result<Diagnosis> result = diagnose_stream(zeros, {}, Language::en);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("zeros"), std::string::npos) << result.error().message;
}

}  // namespace
}  // namespace mxpath::diagnose
