#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/buffer.h"
#include "base/environment.h"
#include "base/expand_path.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/mappings.h"
#include "base/one_line.h"
#include "base/random.h"
#include "base/sanitized_for_test.h"
#include "base/system_file.h"
#include "base/system_memory.h"
#include "base/text.h"

namespace mxpath {
namespace {

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(glob_match("moe_*.cpu.*", "moe_gate_up.cpu.avx2.mxfp4_f32"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("a?c", "abc"));
  EXPECT_FALSE(glob_match("*.amx.*", "linear.cpu.avx2.bf16_f32"));
  EXPECT_FALSE(glob_match("a*b", "ac"));
  EXPECT_FALSE(glob_match(std::string(40, '*') + "b", std::string(4000, 'a')));  // linear, not exponential
}

TEST(Text, HumanBytes) {
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(1536), "1.50 KiB");
  EXPECT_EQ(human_bytes(13761264768.0), "12.8 GiB");
}

TEST(Text, PrintableEscapes) {
  EXPECT_EQ(printable("a\n\xff"), "a\\x0a\\xff");
  EXPECT_EQ(printable("한글 é"), "한글 é");
  EXPECT_EQ(printable(std::string(80, 'x')), std::string(80, 'x'));
  EXPECT_EQ(printable(std::string(81, 'x')), std::string(80, 'x') + "…");
  EXPECT_EQ(printable("한글", 4), "한…");
  EXPECT_LT(printable(std::string(100'000, '\n')).size(), 100u);
}

TEST(OneLine, ShowsWhatCouldActOnATerminal) {
  EXPECT_EQ(visible("a\tb\x7f\x1b[31m"), "a\\x09b\\x7f\\x1b[31m");
  EXPECT_EQ(visible("\xc2\x9b"
                    "2J"),
            "\\xc2\\x9b2J");  // the C1 form of ESC [
  EXPECT_EQ(visible("\u202e"
                    "txt"),
            "\\xe2\\x80\\xaetxt");  // turns the direction of what follows
  EXPECT_EQ(visible("\xc0\xaf\xed\xa0\x80\xf5"), "\\xc0\\xaf\\xed\\xa0\\x80\\xf5");  // no UTF-8
  EXPECT_EQ(visible("é 한 🙂 \xe2\x82"), "é 한 🙂 \\xe2\\x82");
  EXPECT_EQ(visible(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(OneLine, ShortensNamesAndNotSentences) {
  std::string sentence;
  for (int i = 0; i < 300; ++i) sentence += "a word ";
  EXPECT_EQ(one_line(sentence), sentence);
  const std::string line = one_line("x/" + std::string(100'000, 'y') + "/end: no such file");
  EXPECT_LT(line.size(), 450u);
  EXPECT_TRUE(line.starts_with("x/yyy"));
  EXPECT_TRUE(line.ends_with("yyy/end: no such file"));
  EXPECT_LT(one_line(std::string(100'000, ' ')).size(), 4100u);
  for (size_t limit = 0; limit < 12; ++limit)
    EXPECT_EQ(visible(shortened("한글한글", limit)), shortened("한글한글", limit)) << "no half character";
}

TEST(Json, RefusesDuplicateKeysAndSaysWhere) {
  const auto twice = parse_json(R"({"a":1,"b":{"c":1,"c":2}})", "x.json");
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().message, "x.json: key \"c\" appears twice in one object");
  EXPECT_FALSE(parse_json("{\"a\":", "x.json").ok());
  EXPECT_FALSE(parse_json("\"\xff\"", "x.json").ok());
  EXPECT_FALSE(parse_json(std::string(100000, '['), "x.json").ok());
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":2}])", "x.json").ok());
}

std::string json_problem(std::string_view text) {
  const auto json = parse_json(text, "x");
  return json.ok() ? "" : json.error().message;
}

TEST(Json, NothingIsLeftUnread) {
  EXPECT_EQ(json_problem(std::string_view("[1, 2, 3]\0, 4, 5]", 17)), "x: not valid JSON at byte 10: a zero byte");
  EXPECT_EQ(json_problem(std::string_view("{\"a\": 1}\0", 9)), "x: not valid JSON at byte 9: a zero byte");
  EXPECT_EQ(json_problem(std::string_view("[1, \0 2]", 8)), "x: not valid JSON at byte 5: a zero byte");
  EXPECT_EQ(json_problem(std::string_view("[x\0]", 4)), "x: not valid JSON at byte 2")
      << "what comes first is said first";
  EXPECT_EQ(json_problem("[1] 2"), "x: not valid JSON at byte 5");
  EXPECT_EQ(json_problem("[1]]"), "x: not valid JSON at byte 4");
  EXPECT_EQ(parse_json("\xef\xbb\xbf[1]\n", "x").value(), Json::parse("[1]"));
}

TEST(Json, EverySentenceIsOurs) {
  EXPECT_EQ(json_problem("[1, 1e400]"), "x: not valid JSON at byte 9: the number 1e400 is too large");
  EXPECT_LT(json_problem("[1" + std::string(100000, '0') + "]").size(), 150u);
  EXPECT_EQ(json_problem(""), "x: not valid JSON at byte 1: it is empty");
  EXPECT_EQ(json_problem(" \n"), "x: not valid JSON at byte 3: it is empty");
  EXPECT_EQ(json_problem("{\"a\": "), "x: not valid JSON at byte 7: it ends too early");
  EXPECT_EQ(json_problem("\xff\xfe[\0"), "x: not valid JSON at byte 1: it is UTF-16; save it as UTF-8");
  EXPECT_EQ(json_problem("[\"\xc3(\"]"), "x: not valid JSON at byte 4: it is not UTF-8");
  EXPECT_EQ(json_problem(R"(["\ud800"])"), "x: not valid JSON at byte 9: \\u escape of half a surrogate pair");
  EXPECT_EQ(json_problem(R"(["\q"])"), "x: not valid JSON at byte 4: no such escape");
  for (const std::string text :
       {"[NaN]", "[1.]", "[01]", "[--1]", "{1: 2}", "[1,]", "'a'", "[-1e999]", "[\"\n\"]", "tru", "[\"\\u12\"]"}) {
    EXPECT_NE(json_problem(text).find("not valid JSON at byte "), std::string::npos) << text;
    EXPECT_EQ(json_problem(text).find("exception"), std::string::npos) << text;
  }
}

TEST(Json, TimeIsLinearInTheKeys) {
  std::string text = "{";
  const int keys = sanitized ? 20'000 : 200'000;
  for (int i = 0; i < keys; ++i) text += fmt::format("\"key {}\":{},", i, i);
  text += "\"last\":[]}";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_json(text, "x").value().size(), static_cast<size_t>(keys) + 1);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(sanitized ? 120 : 20))
      << "a search for each key takes minutes";
}

TEST(Path, WhatAShellWouldHaveExpanded) {
  ::setenv("HOME", "/h", 1);
  ::setenv("MXPATH_TEST_VARIABLE", "v", 1);
  ::unsetenv("MXPATH_TEST_NONE");
  EXPECT_EQ(expanded("~"), "/h");
  EXPECT_EQ(expanded("~/a"), "/h/a");
  EXPECT_EQ(expanded("/a/~"), "/a/~");
  EXPECT_EQ(expanded("~root/x").front(), '/');
  EXPECT_EQ(expanded("~nobody-of-this-name/x"), "~nobody-of-this-name/x");
  EXPECT_EQ(expanded("$HOME/$MXPATH_TEST_VARIABLE-${MXPATH_TEST_VARIABLE}x"), "/h/v-vx");
  for (const char* plain : {"$", "a$", "${", "${}", "${HOME", "$MXPATH_TEST_NONE/x", "${MXPATH_TEST_NONE}", ""})
    EXPECT_EQ(expanded(plain), plain);
  ::unsetenv("MXPATH_TEST_VARIABLE");
}

TEST(Folder, ALinkIntoNowhereIsSaidToBeOne) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("mxpath-links-{}", ::getpid());
  std::filesystem::create_directories(folder);
  std::filesystem::create_symlink("../../blobs/4f0c", folder / "a");
  std::filesystem::create_symlink("a", folder / "b");
  EXPECT_FALSE(dangling_link((folder / "none").string()));
  EXPECT_FALSE(dangling_link(folder.string()));
  EXPECT_NE(dangling_link((folder / "a").string())
                ->find("a is a link to ../../blobs/4f0c, which is not there: copy the folder again with cp -L"),
            std::string::npos);
  EXPECT_TRUE(dangling_link((folder / "b").string()));
  EXPECT_NE(MappedFile::open((folder / "a").string()).error().message.find("is a link to"), std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST(MappedFile, SaysWhatIsWrong) {
  EXPECT_EQ(MappedFile::open("/nowhere/x").error().message, "/nowhere/x: no such file");
  EXPECT_EQ(MappedFile::open("/tmp").error().message, "/tmp: not a regular file but a folder; give a file");
  EXPECT_EQ(read_text_file("/dev/zero").error().message, "/dev/zero: not a regular file but a device; give a file");
}

/// A folder of its own that goes away again.
class Files : public testing::Test {
 protected:
  std::string folder = (std::filesystem::temp_directory_path() / fmt::format("mxpath-files-{}", ::getpid())).string();
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::string pipe(const char* name) {
    const std::string path = folder + "/" + name;
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }
  std::string file(const char* name, const std::string& text) {
    std::ofstream(folder + "/" + name, std::ios::binary) << text;
    return folder + "/" + name;
  }
};

TEST_F(Files, PipesAndSocketsAreNotWaitedFor) {
  const std::string fifo = pipe("p"), socket_path = folder + "/s";
  EXPECT_EQ(MappedFile::open(fifo).error().message, fifo + ": not a regular file but a pipe; give a file");
  EXPECT_EQ(read_text_file(fifo).error().message, fifo + ": not a regular file but a pipe; give a file");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(read_input(fifo, 10).error().message.starts_with(fifo + ": a pipe into which nothing writes"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  const SystemFile listening(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listening.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(read_input(socket_path, 10).error().message,
            socket_path + ": not a regular file but a socket; give a file");
}

TEST_F(Files, APipeIsReadToItsEnd) {
  const std::string fifo = pipe("p");
  const auto written = [&](const std::vector<std::string>& pieces, uint64_t limit) {
    std::thread writer([&] {
      const SystemFile out(::open(fifo.c_str(), O_WRONLY));
      for (const std::string& piece : pieces) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));  // what comes late is read too
        EXPECT_EQ(::write(out.fd(), piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
      }
    });
    auto text = read_input(fifo, limit);
    writer.join();
    return text;
  };
  EXPECT_EQ(written({"one ", "two"}, 100).value(), "one two");
  EXPECT_EQ(written({std::string(2000, 'x')}, 2000).value().size(), 2000u);
  EXPECT_EQ(read_to_end(SystemFile(::open("/dev/zero", O_RDONLY)).fd(), "zeros", 5000).error().message,
            "zeros: is longer than 4.88 KiB, the limit for what is read here");
  EXPECT_EQ(read_input(file("f", "text"), 4).value(), "text");
  EXPECT_FALSE(read_input(file("f", "text"), 3).ok());
}

TEST_F(Files, AnAddressLeadsToItsFile) {
  const std::string path = file("f", std::string(10'000, 'x'));
  const uint8_t* data = nullptr;
  {
    MappedFile first = MappedFile::open(path).value();
    data = first.bytes().data();
    const MappedFile moved = std::move(first);
    EXPECT_STREQ(mapping_at(data).path, path.c_str());
    EXPECT_EQ(mapping_at(data + 9'999).offset, 9'999u);
    EXPECT_EQ(mapping_at(data + 10'000).path, nullptr);
    EXPECT_EQ(mapping_at(&path).path, nullptr);
    const MappedFile again = MappedFile::open(path).value();
    EXPECT_NE(again.bytes().data(), data);
    EXPECT_STREQ(mapping_at(again.bytes().data()).path, path.c_str());
  }
  EXPECT_EQ(mapping_at(data).path, nullptr);
}

TEST_F(Files, MappingsOfManyThreadsAreKeptApart) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this, t] {
      const std::string path = file(fmt::format("f{}", t).c_str(), std::string(5'000, 'x'));
      for (int i = 0; i < 300; ++i) {
        const MappedFile mapped = MappedFile::open(path).value();
        EXPECT_STREQ(mapping_at(mapped.bytes().data() + i).path, path.c_str());
      }
    });
  for (auto& thread : threads) thread.join();
}

/// The library leaves the signals of its host as they are: only the program makes a sentence of this one.
TEST_F(Files, AMappedFileThatShrinksIsTheHostsAffair) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto read_beyond = [this] {
    ::signal(SIGBUS, SIG_DFL);  // some sanitizers have a handler
    const std::string path = file("f", std::string(10'000, 'x'));
    const MappedFile mapped = MappedFile::open(path).value();
    std::filesystem::resize_file(path, 0);
    volatile uint8_t byte = mapped.bytes()[5'000];
    (void)byte;
  };
  EXPECT_EXIT(read_beyond(), testing::KilledBySignal(SIGBUS), "");
}

TEST(Buffer, IsZeroedAndAligned) {
  auto buffer = Buffer::allocate(5 << 20);
  ASSERT_TRUE(buffer.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 64, 0u);
  EXPECT_EQ(buffer->data()[(5 << 20) - 1], 0);
  EXPECT_FALSE(Buffer::allocate(size_t{1} << 62).ok());
}

// The system grants address space for more than there is, and ends the program when it is touched.
TEST(Buffer, MoreThanIsFreeIsASentence) {
  const SystemMemory memory = system_memory();
  ASSERT_GT(memory.free, 0u);
  ASSERT_LE(memory.free, memory.total);
  const auto buffer = Buffer::allocate(memory.free + (size_t{1} << 32));
  ASSERT_FALSE(buffer.ok());
  EXPECT_NE(buffer.error().message.find(" are free, other programs hold the rest"), std::string::npos)
      << buffer.error().message;
}

TEST(Random, StreamIsFixed) {
  Random random(1);
  EXPECT_EQ(random.next(), 0x910a2dec89025cc1u);
}

TEST(Environment, WhatIsNotSetIsEmpty) {
  ::setenv("MXPATH_TEST_VARIABLE", "a b", 1);
  EXPECT_EQ(environment_variable("MXPATH_TEST_VARIABLE"), "a b");
  ::unsetenv("MXPATH_TEST_VARIABLE");
  EXPECT_EQ(environment_variable("MXPATH_TEST_VARIABLE"), "");
}

TEST(Folder, WhatIsThereInOrder) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("mxpath-folder-test-" + std::to_string(::getpid()));
  for (const char* name : {"c", "a", "b"}) fs::create_directories(folder / name);
  fs::create_symlink("a", folder / "link");
  EXPECT_EQ(entries_of(folder), (std::vector<fs::path>{folder / "a", folder / "b", folder / "c", folder / "link"}));
  EXPECT_TRUE(is_folder(folder / "link"));
  fs::remove_all(folder);
  EXPECT_FALSE(is_folder(folder));
  EXPECT_FALSE(is_folder(""));
  EXPECT_TRUE(entries_of(folder).empty());
}

// "1 tokens" stood in several reports.
TEST(Text, CountsHaveTheirNoun) {
  EXPECT_EQ(plural(1, "token"), "1 token");
  EXPECT_EQ(plural(0, "token"), "0 tokens");
  EXPECT_EQ(plural(size_t{8192}, "token"), "8192 tokens");
  EXPECT_EQ(plural(1, "file that is", "files that are"), "1 file that is");
  EXPECT_EQ(plural(2, "file that is", "files that are"), "2 files that are");
}

}  // namespace
}  // namespace mxpath
