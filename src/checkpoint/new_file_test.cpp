#include "checkpoint/new_file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "checkpoint/test_folder.h"

namespace mxpath {
namespace {

std::string error_of(const std::string& path) {
  const Status status = write_new_file(path, "text");
  return status.ok() ? "no error" : status.error().message;
}

TEST(NewFile, ReplacesAFileAndWhatALinkToOneNames) {
  TestFolder folder;
  folder.write("a", "before");
  std::filesystem::create_symlink("a", folder / "link");
  EXPECT_EQ(error_of(folder / "a"), "no error");
  EXPECT_EQ(folder.read("a"), "text");
  EXPECT_EQ(error_of(folder / "link"), "no error");
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"a", "link"}));
}

TEST(NewFile, LeavesAloneWhatIsNoFile) {
  TestFolder folder;
  std::filesystem::create_directory(folder / "inside");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/null", folder / "link");
  EXPECT_NE(error_of(folder / "inside").find("inside: is a folder"), std::string::npos);
  // Nothing in /dev itself: if this failed, root's /dev/null would be replaced.
  for (const std::string& path : {folder / "pipe", folder / "link", std::string("/proc/self/fd/1")})
    EXPECT_EQ(error_of(path),
              path + ": is a device or a pipe, not a file that could be replaced; give the name of a file");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"inside", "link", "pipe"}));
}

TEST(NewFile, IsRefusedBeforeLongWorkWithTheSameSentence) {
  TestFolder folder;
  std::filesystem::create_directory(folder / "inside");
  for (const std::string& path : {folder / "inside", std::string("/proc/self/fd/1")}) {
    const Status status = check_new_file(path);
    ASSERT_FALSE(status.ok()) << path;
    EXPECT_EQ(status.error().message, error_of(path));
  }
  EXPECT_TRUE(check_new_file(folder / "a").ok());
}

TEST(NewFile, WhatCameInTheWayMeanwhileIsLeftAlone) {
  TestFolder folder;
  auto file = NewFile::create(folder / "a");
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(::mkfifo((folder / "a").c_str(), 0600), 0);
  EXPECT_FALSE(file->finish().ok());
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "a"));
}

TEST(NewFile, UnfinishedNamesAreThoseThatItWrites) {
  TestFolder folder;
  const auto file = NewFile::create(folder / "model.safetensors");
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(folder.names().size(), 1u);
  EXPECT_TRUE(is_unfinished_name(folder.names().front())) << folder.names().front();
  for (const char* other :
       {"a.b-c.part", "film.2024-uncut.part", "film.x-1.part", "a.1-2.part.txt", "a.1-.part", "a.-1.part", ".1-2.part",
        "a1-2.part", "1-2.part", "a.1-2-3.part", "a.1-2part", ".part", ""})
    EXPECT_FALSE(is_unfinished_name(other)) << other;
}

TEST(NewFile, WriteErrorsThatHaveAWayOut) {
  EXPECT_NE(write_error("f", ENOSPC).message.find("f: the disk is full; free"), std::string::npos);
  EXPECT_NE(write_error("f", EFBIG).message.find("f: the file size limit of this shell (ulimit -f)"),
            std::string::npos);
  EXPECT_NE(write_error("f", EIO).message.find("f: cannot be written: Input/output error"), std::string::npos);
}

/// Every byte is seen in order, once it is written; bytes that cannot be read are asked about, and nothing is left of
/// the file.
TEST(NewFile, IsWatched) {
  TestFolder folder;
  std::string seen;
  WriteWatch watch{[&](std::span<const uint8_t> piece) { seen.append(piece.begin(), piece.end()); },
                   [](const uint8_t*) { return Error{"the bytes went away"}; }};
  const auto bytes = [](std::string_view text) {
    return std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  {
    auto file = NewFile::create(folder / "a", watch);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write(bytes("one ")).ok() && file->write(bytes("two")).ok() && file->finish().ok());
    EXPECT_EQ(seen, "one two");
    EXPECT_EQ(folder.read("a"), "one two");
  }
  void* page = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  const std::span<const uint8_t> unreadable(static_cast<const uint8_t*>(page), 4096);
  EXPECT_EQ(NewFile::create(folder / "b", watch)->write(unreadable).error().message, "the bytes went away");
  EXPECT_NE(NewFile::create(folder / "b")->write(unreadable).error().message.find("b: cannot be written"),
            std::string::npos);
  EXPECT_EQ(seen, "one two");
  ::munmap(page, 4096);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace mxpath
