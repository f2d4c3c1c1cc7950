#include "cli/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "base/mapped_file.h"
#include "checkpoint/test_folder.h"

namespace mxpath::cli {
namespace {

TEST(AccessLog, AppendsLines) {
  const TestFolder folder;
  const std::string path = folder / "log";
  for (const char* text : {"one", "two"}) {
    const auto log = AccessLog::open(path);
    ASSERT_TRUE(log.ok());
    (*log)->line(text);
  }
  EXPECT_EQ(read_text_file(path).value(), "one\ntwo\n");
}

// A log that nobody read stopped the server.
TEST(AccessLog, ThatNobodyReadsHoldsUpNobody) {
  const TestFolder folder;
  const std::string path = folder / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(AccessLog::open(path).ok()) << "nobody reads it";
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  const auto began = std::chrono::steady_clock::now();
  {
    const auto log = AccessLog::open(path);
    ASSERT_TRUE(log.ok());
    for (int i = 0; i < 50'000; ++i) (*log)->line(std::string(100, 'x'));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  ::close(reader);
}

TEST(AccessLog, ADiskThatIsFullLosesLinesAlone) {
  testing::internal::CaptureStderr();
  {
    const auto log = AccessLog::open("/dev/full");
    ASSERT_TRUE(log.ok());
    for (int i = 0; i < 10; ++i) (*log)->line("x");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "mxpath: the access log cannot be written, and its lines are lost\n")
      << "said, and once";
}

TEST(AccessLog, WhatCannotBeOpenedIsAnError) { EXPECT_FALSE(AccessLog::open("/no/such/folder/log").ok()); }

}  // namespace
}  // namespace mxpath::cli
